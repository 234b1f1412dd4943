#include "rest/server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>

#include "rest/connection.h"
#include "rest/guards.h"
#include "rest/service.h"
#include "rest/tls.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

bool is_wildcard(const std::string& host) {
  return host.empty() || host == "*";
}

std::vector<tcp::endpoint> endpoints_of(asio::any_io_executor loop, const ListenAddress& listen) {
  // One IPv6 socket that takes IPv4 as well where there is IPv6, else IPv4.
  if (is_wildcard(listen.host)) {
    return {tcp::endpoint(tcp::v6(), listen.port), tcp::endpoint(tcp::v4(), listen.port)};
  }
  std::vector<tcp::endpoint> endpoints;
  tcp::resolver resolver(loop);
  error_code error;
  for (const auto& one :
       resolver.resolve(listen.host, std::to_string(listen.port), tcp::resolver::passive, error)) {
    endpoints.push_back(one.endpoint());
  }
  return endpoints;
}

// A client that vanished without a farewell is found within ten seconds. The kernel hands what is
// set here on to each connection (tcp(7), accept), which spares every health check six system
// calls.
void watch_over_clients(tcp::acceptor& acceptor) {
  const int handle = acceptor.native_handle();
  const auto set = [handle](int level, int option, int value) {
    ::setsockopt(handle, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 10000);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 3);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
}

error_code try_listening(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, int backlog) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  watch_over_clients(acceptor);
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(backlog, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

int backlog_of(const RestConfig& config) {
  return std::max(config.request_queue_size, 1);
}

tcp::acceptor listening(const asio::any_io_executor& loop, const RestConfig& config) {
  tcp::acceptor acceptor(loop);
  std::string why = "the name does not resolve";
  for (const auto& endpoint : endpoints_of(loop, config.listen)) {
    const auto error = try_listening(acceptor, endpoint, backlog_of(config));
    if (!error) return acceptor;
    why = error.message();
  }
  throw std::runtime_error(fmt::format(
      "restapi.listen: cannot listen on address \"{}\" port {}: {}; see who uses the port "
      "(ss -ltnp) or choose another address",
      config.listen.host.empty() ? "*" : config.listen.host, config.listen.port, why));
}

std::shared_ptr<RestSetup> set_up(RestConfig config) {
  auto setup = std::make_shared<RestSetup>();
  if (!config.certfile.empty()) setup->tls = make_server_tls(config);
  setup->allow_list = AllowList(config.allowlist);
  setup->config = std::move(config);
  return setup;
}

asio::awaitable<void> resolve_allow_list(std::shared_ptr<RestSetup> setup) {
  const auto names = setup->allow_list.names();
  for (const std::string& name : names) {
    const auto addresses = co_await addresses_of(name);
    if (addresses.empty()) {
      log_warning(
          "restapi.allowlist: \"{}\" is neither an address nor a network nor a name that "
          "resolves; it admits nobody",
          name);
    }
    for (const auto& address : addresses)
      setup->allow_list.add(address);
  }
}

}  // namespace

class RestServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::any_io_executor loop, NodeFace& node, Peers& peers, const RestLimits& limits)
      : loop_(loop),
        limits_(limits),
        service_(std::make_shared<RestService>(loop, node, peers)),
        acceptor_(loop),
        pause_(loop) {}

  void start(RestConfig config) {
    auto setup = set_up(std::move(config));
    listen_to(setup->config);
    service_->setup = setup;
    if (!setup->allow_list.names().empty()) {
      asio::co_spawn(loop_, resolve_allow_list(setup), asio::detached);
    }
  }

  void stop() {
    service_->is_stopped = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const ConnectionSlot& one : service_->connections)
      one.close();
  }

  [[nodiscard]] std::uint16_t port() const {
    error_code ignored;
    return acceptor_.local_endpoint(ignored).port();
  }
  [[nodiscard]] std::size_t connection_count() const { return service_->connections.size(); }

 private:
  void listen_to(const RestConfig& config) {
    if (!acceptor_.is_open()) {
      acceptor_ = listening(loop_, config);
      return accept_next();
    }
    const RestConfig& present = service_->setup->config;
    if (config.listen == present.listen) {
      error_code kept;  // it still listens, with the queue that it has
      acceptor_.listen(backlog_of(config), kept);
      return;
    }
    // The new address may overlap the old one ("*" and 10.0.0.1), so the old one has to go first.
    error_code ignored;
    acceptor_.close(ignored);
    try {
      acceptor_ = listening(loop_, config);
    } catch (...) {
      acceptor_ = listening(loop_, present);
      accept_next();
      throw;
    }
    accept_next();
  }

  void accept_next() {
    acceptor_.async_accept(
        [self = shared_from_this()](const error_code& error, tcp::socket socket) {
          if (self->service_->is_stopped || error == asio::error::operation_aborted) return;
          if (error) return self->accept_later(error);
          self->take(std::move(socket));
          self->accept_next();
        });
  }

  // Out of descriptors, say: trying again at once would only burn the processor.
  void accept_later(const error_code& error) {
    log_warning("API: cannot accept a connection: {}; trying again in 100 ms", error.message());
    close_longest_silent();
    pause_.expires_after(100ms);
    pause_.async_wait([self = shared_from_this()](const error_code& stopped) {
      if (!stopped && !self->service_->is_stopped) self->accept_next();
    });
  }

  void take(tcp::socket socket) {
    // A refused newcomer is closed by leaving scope.
    if (connection_count() >= limits_.connections_max && !close_longest_silent()) return;
    asio::co_spawn(loop_, serve_connection(service_, service_->setup, limits_, std::move(socket)),
                   asio::detached);
  }

  bool close_longest_silent() {
    auto& all = service_->connections;
    const auto silent = std::find_if(
        all.begin(), all.end(), [](const ConnectionSlot& one) { return one.is_between_requests; });
    if (silent == all.end()) return false;
    silent->is_between_requests = false;  // it is on its way out: not to be chosen again
    silent->close();
    return true;
  }

  asio::any_io_executor loop_;
  RestLimits limits_;
  std::shared_ptr<RestService> service_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
};

RestServer::RestServer(asio::any_io_executor loop, RestConfig config, NodeFace& node, Peers& peers,
                       RestLimits limits)
    : impl_(std::make_shared<Impl>(std::move(loop), node, peers, limits)) {
  impl_->start(std::move(config));
}

RestServer::~RestServer() {
  stop();
}
void RestServer::reconfigure(RestConfig config) {
  impl_->start(std::move(config));
}
void RestServer::stop() {
  impl_->stop();
}
std::uint16_t RestServer::port() const {
  return impl_->port();
}
std::size_t RestServer::connection_count() const {
  return impl_->connection_count();
}

}  // namespace pgherd
