#include "router/verifiers.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "router/server_talk.h"
#include "runtime/await_answer.h"

namespace pgherd::router {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;

// A connection of the router's own. Everything together takes connect_max at most.
class OwnConnection {
 public:
  OwnConnection(Loop& loop, Duration patience) : socket_(loop), alarm_(loop) {
    alarm_.expires_after(patience);
  }
  ~OwnConnection() { alarm_.cancel(); }
  OwnConnection(const OwnConnection&) = delete;
  OwnConnection& operator=(const OwnConnection&) = delete;

  // "" or why not.
  awaitable<std::string> reach(Verifiers::Endpoint server) {
    error_code error;
    socket_.open(server.protocol(), error);
    if (error) co_return error.message();
    set_up(socket_);
    alarm_.async_wait([this](const error_code& stopped) {
      if (!stopped) close_hard(socket_);
    });
    const auto [refused] = co_await socket_.async_connect(server, kAsTuple);
    co_return refused ? refused.message() : "";
  }

  // Until it is over, or nothing comes any more.
  awaitable<void> converse(std::string bytes, ServerTalk& talk) {
    std::array<char, 4096> buffer{};
    while (!bytes.empty() || !talk.is_over()) {
      if (!bytes.empty()) {
        const auto [error, sent] =
            co_await asio::async_write(socket_, asio::buffer(bytes), kAsTuple);
        if (error) co_return;
      }
      if (talk.is_over()) co_return;
      const auto [error, count] = co_await socket_.async_read_some(asio::buffer(buffer), kAsTuple);
      if (error) co_return;
      talk.take(std::string_view(buffer.data(), count));
      bytes = talk.take_answer();
    }
  }

 private:
  Socket socket_;
  asio::steady_timer alarm_;
};

Verifiers::Found read_answer(const QueryAnswer& answer, const std::string& role) {
  if (!answer.is_over())
    return {.problem = "the connection was lost while passwords were looked up"};
  if (answer.problem()) {
    return {.problem = "router.move_sessions.query fails: " + *answer.problem(),
            .is_lasting = true};
  }
  if (answer.rows().empty() || answer.rows().front().empty()) {
    return {.problem = "router.move_sessions.query knows no role " + role, .is_lasting = true};
  }
  auto verifier = read_verifier(answer.rows().front().front());
  if (!verifier) {
    return {.problem = "what is stored of the password of " + role + " is neither SCRAM nor md5",
            .is_lasting = true};
  }
  return {.verifier = std::move(verifier)};
}

}  // namespace

awaitable<Verifiers::Found> Verifiers::of(std::string role, Endpoint server, Revision reign) {
  if (reign != reign_) asked_.clear();
  reign_ = reign;
  auto& place = asked_[role];
  if (!place) {
    place = std::make_shared<Asked>(loop_);
    const auto asked = place;
    asked->is_over.expires_at(asio::steady_timer::time_point::max());
    Found found = co_await ask(role, server);
    asked->found = found;
    asked->is_over.cancel();
    // What may be otherwise a moment later is asked for again.
    const auto again = asked_.find(role);
    const bool is_kept = found.verifier || found.is_lasting;
    if (!is_kept && again != asked_.end() && again->second == asked) asked_.erase(again);
    co_return found;
  }
  const auto asked = place;
  if (!asked->found) {
    const auto [ignored] = co_await asked->is_over.async_wait(kAsTuple);
    static_cast<void>(ignored);
  }
  co_return asked->found.value_or(Found{.problem = "passwords could not be looked up"});
}

awaitable<Verifiers::Found> Verifiers::ask(std::string role, Endpoint server) {
  const MoveConfig& config = *config_.move_sessions;
  OwnConnection connection(loop_, config_.limits.connect_max);
  Found found;
  found.problem = co_await connection.reach(server);
  if (!found.problem.empty()) co_return found;
  ServerLogin login(config.login.username, Password{config.login.password}, new_nonce());
  std::string startup = write_startup({"user", config.login.username, "database", config.database,
                                       "application_name", "pgherd router"});
  co_await connection.converse(std::move(startup), login);
  if (!login.is_ready()) {
    const auto& refusal = login.refusal();
    found.problem =
        fmt::format("the router's own login ({}) fails: {}", config.login.username,
                    refusal ? refusal->message : "the server has closed the connection");
    found.is_lasting = refusal && refusal->sqlstate != pgwire::kCannotConnectNow;
    co_return found;
  }
  QueryAnswer answer;
  std::vector<std::string> parameters{role};
  co_await connection.converse(write_query(config.query, parameters), answer);
  co_return read_answer(answer, role);
}

}  // namespace pgherd::router
