#include "router/sockets.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <stdexcept>
#include <vector>

namespace pgherd::router {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int kBacklog = 4096;  // the kernel cuts it to its own limit

std::vector<Tcp::endpoint> endpoints_of(Loop& loop, const ListenAddress& address) {
  // One IPv6 socket that takes IPv4 as well where there is IPv6, else IPv4.
  if (address.host.empty() || address.host == "*") {
    return {Tcp::endpoint(Tcp::v6(), address.port), Tcp::endpoint(Tcp::v4(), address.port)};
  }
  std::vector<Tcp::endpoint> endpoints;
  Tcp::resolver resolver(loop);
  error_code error;
  for (const auto& one : resolver.resolve(address.host, std::to_string(address.port),
                                          Tcp::resolver::passive, error)) {
    endpoints.push_back(one.endpoint());
  }
  return endpoints;
}

error_code share_port(Acceptor& acceptor) {
  const int on = 1;
  if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) {
    return {};
  }
  return {errno, boost::system::system_category()};
}

error_code try_listening(Acceptor& acceptor, const Tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(Acceptor::reuse_address(true), error);
  if (endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  error = share_port(acceptor);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

}  // namespace

Acceptor listen_on(Loop& loop, const ListenAddress& address, const std::string& option) {
  Acceptor acceptor(loop);
  std::string why = "the name does not resolve";
  for (const auto& endpoint : endpoints_of(loop, address)) {
    const auto error = try_listening(acceptor, endpoint);
    if (!error) return acceptor;
    why = error.message();
  }
  throw std::runtime_error(fmt::format(
      "{}: cannot listen on address \"{}\" port {}: {}; see who uses the port (ss -ltnp) or choose "
      "another address",
      option, address.host.empty() ? "*" : address.host, address.port, why));
}

void set_up(Socket& socket) {
  const int handle = socket.native_handle();
  const auto set = [handle](int level, int option, int value) {
    ::setsockopt(handle, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// Each attempt to send again waits twice as long as the one before, so the present wait is about
// the time since the first one.
bool has_been_silent(Socket& socket, Milliseconds time) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_unacked > 0 && info.tcpi_retransmits > 0 &&
         std::chrono::microseconds(info.tcpi_rto) >= time;
}

bool is_closed(Socket& socket) {
  if (!socket.is_open()) return true;
  pollfd asked{.fd = socket.native_handle(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&asked, 1, 0) > 0;
}

void close_hard(Socket& socket) {
  if (!socket.is_open()) return;
  error_code ignored;
  socket.set_option(Socket::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace pgherd::router
