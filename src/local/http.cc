#include "local/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/asio_clock.h"
#include "runtime/unique_fd.h"

namespace pgherd::local {
namespace {

std::string failure(int port, const std::string& why) {
  return "127.0.0.1:" + std::to_string(port) + ": " + why;
}

bool wait_for(int socket, short what, Instant deadline) {
  const auto left = std::chrono::ceil<Milliseconds>(deadline - boottime_now()).count();
  pollfd wanted{socket, what, 0};
  return left > 0 && ::poll(&wanted, 1, static_cast<int>(left)) > 0;
}

// Empty on success.
std::string connect_to(int socket, int port, Instant deadline) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return "";
  if (errno != EINPROGRESS) return std::strerror(errno);
  if (!wait_for(socket, POLLOUT, deadline)) return "no connection in time";
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size);
  return code == 0 ? "" : std::strerror(code);
}

bool is_whole(const std::string& received) {
  const auto head_end = received.find("\r\n\r\n");
  if (head_end == std::string::npos) return false;
  std::string head = received.substr(0, head_end);
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto field = head.find("\r\ncontent-length:");
  if (field == std::string::npos) return false;  // until the other side closes
  return received.size() >= head_end + 4 + std::strtoull(head.c_str() + field + 17, nullptr, 10);
}

}  // namespace

Result<HttpAnswer, std::string> http_get(int port, const std::string& target,
                                         const std::string& basic, Duration patience) {
  const Instant deadline = boottime_now() + patience;
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return fail(failure(port, std::strerror(errno)));
  if (const auto problem = connect_to(socket.get(), port, deadline); !problem.empty())
    return fail(failure(port, problem));
  std::string request = "GET " + target + " HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  if (!basic.empty()) request += "Authorization: Basic " + basic + "\r\n";
  request += "\r\n";
  // Far smaller than any socket's buffer.
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return fail(failure(port, "does not take a request"));
  std::string received;
  std::array<char, 8192> piece;  // NOLINT: filled by recv
  while (!is_whole(received)) {
    if (!wait_for(socket.get(), POLLIN, deadline)) return fail(failure(port, "no answer in time"));
    const ssize_t got = ::recv(socket.get(), piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return fail(failure(port, std::strerror(errno)));
    if (got == 0) break;
    received.append(piece.data(), static_cast<std::size_t>(got));
  }
  const auto head_end = received.find("\r\n\r\n");
  if (received.rfind("HTTP/1.", 0) != 0 || head_end == std::string::npos || received.size() < 12)
    return fail(failure(port, "the answer is not HTTP"));
  return HttpAnswer{std::atoi(received.c_str() + 9), received.substr(head_end + 4)};
}

}  // namespace pgherd::local
