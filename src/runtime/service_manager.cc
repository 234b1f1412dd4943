#include "runtime/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <tuple>

#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

constexpr const char* kVariable = "NOTIFY_SOCKET";
constexpr long kNanosecondsAMicrosecond = 1000;
constexpr long kMicrosecondsASecond = 1000000;

}  // namespace

ServiceManager::ServiceManager() {
  const char* socket = std::getenv(kVariable);  // NOLINT: before there are other threads
  if (socket != nullptr) socket_ = socket;
  ::unsetenv(kVariable);  // NOLINT: likewise
}

void ServiceManager::tell_ready() {
  send("READY=1");
}

void ServiceManager::tell_reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const long microseconds =
      now.tv_sec * kMicrosecondsASecond + now.tv_nsec / kNanosecondsAMicrosecond;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void ServiceManager::tell_stopping() {
  send("STOPPING=1");
}

void ServiceManager::send(const std::string& state) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';  // an abstract name, without a file
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return;
  std::ignore = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                         reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace pgherd
