#include "router/statistics_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <utility>

#include "rest/basic_auth.h"
#include "runtime/await_answer.h"
#include "runtime/log.h"

namespace pgherd::router {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::awaitable;
using boost::system::error_code;
using Stream = beast::basic_stream<Tcp, Loop::executor_type>;

struct StatisticsServer::State {
  std::optional<Credentials> login;
  StatisticsFace face;
  bool is_stopped = false;
  std::list<Stream*> connections;  // the first one came first
};

namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr Duration kSilenceMax = 10s;
constexpr std::uint32_t kHeaderMax = 8U << 10U;
constexpr std::uint64_t kBodyMax = 1024;

struct Reply {
  http::status status = http::status::ok;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

Reply reply_to(StatisticsServer::State& state, const std::string& target) {
  const std::string path = target.substr(0, target.find('?'));
  if (path == "/" || path == "/stats") {
    return {.type = "text/html; charset=utf-8", .body = state.face.page()};
  }
  if (path == "/;csv" || path == "/stats;csv") return {.body = state.face.csv()};
  if (path == "/metrics") {
    return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = state.face.metrics()};
  }
  if (path == "/status" || path == "/status.json") {
    return {.type = "application/json", .body = state.face.json()};
  }
  return {.status = http::status::not_found,
          .body = "There are /, /;csv, /metrics, /status and /health.\n"};
}

Reply health(StatisticsServer::State& state) {
  if (state.face.is_healthy()) return {.body = "OK\n"};
  return {.status = http::status::service_unavailable, .body = "see /status\n"};
}

http::response<http::string_body> respond(StatisticsServer::State& state,
                                          const http::request<http::string_body>& request) {
  const std::string target(request.target());
  http::response<http::string_body> response;
  response.version(request.version());
  response.keep_alive(request.keep_alive());
  Reply reply;
  const bool is_health = target == "/health";
  const bool may_see =
      is_health || !state.login ||
      check_authorization(*state.login, std::string(request[http::field::authorization])) ==
          Authorization::Granted;
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    reply = {.status = http::status::method_not_allowed, .body = "only GET and HEAD\n"};
    response.set(http::field::allow, "GET, HEAD");
  } else if (!may_see) {
    reply = {.status = http::status::unauthorized, .body = "user and password, please\n"};
    response.set(http::field::www_authenticate, "Basic realm=\"pgherd router\"");
  } else {
    reply = is_health ? health(state) : reply_to(state, target);
  }
  response.result(reply.status);
  response.set(http::field::content_type, reply.type);
  response.set(http::field::cache_control, "no-store");
  response.body() = std::move(reply.body);
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  return response;
}

awaitable<void> serve(std::shared_ptr<StatisticsServer::State> state, Socket socket) {
  Stream stream(std::move(socket));
  const auto place = state->connections.insert(state->connections.end(), &stream);
  beast::flat_buffer buffer;
  while (!state->is_stopped) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderMax);
    parser.body_limit(kBodyMax);
    stream.expires_after(kSilenceMax);
    const auto [unread, read] = co_await http::async_read(stream, buffer, parser, kAsTuple);
    if (unread || state->is_stopped) break;
    http::response<http::string_body> response = respond(*state, parser.get());
    const auto [unsent, sent] = co_await http::async_write(stream, response, kAsTuple);
    if (unsent || !parser.get().keep_alive()) break;
  }
  state->connections.erase(place);
  error_code ignored;
  stream.socket().shutdown(Socket::shutdown_send, ignored);
}

}  // namespace

StatisticsServer::StatisticsServer(Loop& loop, const ListenAddress& address,
                                   std::optional<Credentials> login, StatisticsFace face)
    : acceptor_(listen_on(loop, address, "router.statistics.listen")),
      pause_(loop),
      state_(std::make_shared<State>()) {
  state_->login = std::move(login);
  state_->face = std::move(face);
  accept();
}

StatisticsServer::~StatisticsServer() {
  state_->is_stopped = true;
  for (Stream* connection : state_->connections)
    connection->cancel();
}

std::uint16_t StatisticsServer::port() const {
  error_code ignored;
  return acceptor_.local_endpoint(ignored).port();
}

void StatisticsServer::accept() {
  acceptor_.async_accept(
      acceptor_.get_executor().context(), [this](const error_code& error, Socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (error) {
          pause_.expires_after(100ms);
          return pause_.async_wait([this](const error_code& stopped) {
            if (!stopped) accept();
          });
        }
        if (state_->connections.size() >= kConnectionsMax) state_->connections.front()->cancel();
        asio::co_spawn(acceptor_.get_executor(), serve(state_, std::move(socket)), asio::detached);
        accept();
      });
}

}  // namespace pgherd::router
