#include "guardian/guardian_fence.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "guardian/launch.h"
#include "guardian/order.h"
#include "runtime/asio_clock.h"
#include "runtime/process.h"
#include "runtime/process_identity.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr Duration kPauseMin = 20ms;
constexpr Duration kPauseMax = 1s;
constexpr Duration kAnswerWithin = 3s;
constexpr Duration kSuspectedFor = 500ms;

// -1 and errno. Never blocks.
UniqueFd connect_to(const std::string& name) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    const int code = errno;
    socket.reset();
    errno = code;
  }
  return socket;
}

// Where the program of this process is, or what has replaced it since.
std::string successor_of(const std::string& program) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (program != "/proc/self/exe") return program;
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(program.c_str(), target.data(), target.size());
  if (length <= 0) return program;
  std::string path(target.data(), static_cast<std::size_t>(length));
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

bool send_with(int socket, const Order& order, const std::array<int, 2>& descriptors) {
  iovec place{.iov_base = const_cast<Order*>(&order), .iov_len = sizeof order};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> control{};
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof descriptors);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof order;
}

ucred peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    peer.uid = static_cast<uid_t>(-1);
  return peer;
}

}  // namespace

class GuardianFence::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(const asio::any_io_executor& loop, GuardianFenceOptions options)
      : loop_(loop), options_(std::move(options)), socket_(loop), pause_timer_(loop) {}

  void look() {
    if (is_closed_ || socket_.is_open()) return;
    UniqueFd found = connect_to(guardian_socket_name(options_.data_dir));
    if (!found.is_open()) {
      if (errno == ECONNREFUSED) return start_guardian();
      return trouble(std::string("cannot connect to the guardian: ") + std::strerror(errno));
    }
    const ucred peer = peer_of(found.get());
    if (peer.uid != ::geteuid() && peer.uid != 0)
      return trouble("the guardian's socket is held by user id " + std::to_string(peer.uid) +
                     ", process " + std::to_string(peer.pid) + ", who must not have it");
    guardian_ = identify_process(peer.pid).value_or(ProcessIdentity{});
    socket_.assign(found.release());
    pause_ = kPauseMin;
    pause_timer_.cancel();
    answered_ = order_.serial;
    listen();
    if (has_order_) send();
    if (socket_.is_open() && launch_.is_waiting) send_launch();
    if (socket_.is_open() && options_.on_connected) options_.on_connected();
  }

  void give(Instant at, std::int64_t pid, bool earlier_stands = false) {
    order_.earlier_stands = earlier_stands ? 1 : 0;
    order_.fence_at = at.nanoseconds();
    order_.postmaster_pid = pid;
    const auto postmaster = identify_process(static_cast<pid_t>(pid));
    order_.postmaster_started = postmaster ? postmaster->started : 0;
    has_order_ = true;
    if (socket_.is_open()) send();
  }

  // Where no guardian is there yet, as when the agent has just begun, it is sent to the first.
  void launch(ServerProcess process, std::function<void(Launched)> done) {
    end_launch(fail(std::string("another request to start PostgreSQL came")));
    launch_ = {.process = std::move(process), .done = std::move(done), .is_waiting = true};
    if (socket_.is_open()) send_launch();
  }

  void close() {
    is_closed_ = true;
    launch_ = {};
    options_.on_connected = nullptr;
    options_.on_trouble = nullptr;
    if (starting_) starting_->detach();
    error_code ignored;
    socket_.close(ignored);
    pause_timer_.cancel();
  }
  [[nodiscard]] bool is_connected() const { return socket_.is_open(); }

 private:
  void start_guardian() {
    ProcessSpec spec;
    spec.argv = {options_.program,  "guardian",    "--data-dir",
                 options_.data_dir, "--successor", successor_of(options_.program)};
    spec.own_session = true;
    spec.may_set_priorities = true;  // it runs before PostgreSQL when a frozen machine goes on
    spec.inherits_stderr = true;     // it outlives us and has something to say then
    spec.on_line = [weak = weak_from_this()](OutputOf, std::string_view line) {
      const auto self = weak.lock();
      if (self && line == "ready") self->look_soon(Duration::zero());
    };
    auto child = ChildProcess::start(loop_, std::move(spec));
    if (!child) return trouble("cannot start a guardian: " + child.error());
    starting_ = std::move(*child);
    starting_->detach();
    look_soon(kPauseMax);  // should it never say that it is ready
    starting_->on_end([weak = weak_from_this()](const ProcessEnd& end) {
      const auto self = weak.lock();
      if (!self || end.exit_code == 0) return;  // 0: not needed any more, or another one is there
      if (!self->socket_.is_open()) self->trouble("the guardian " + describe(end));
    });
  }

  // The answer comes with the others (hear). Not repeated: it may have been carried out.
  void send_launch() {
    launch_.is_waiting = false;
    const auto packed = pack(launch_.process);
    if (!packed) return end_launch(fail(packed.error()));
    Order order;
    order.kind = kLaunchOrder;
    order.serial = ++order_.serial;
    order.not_after = launch_.process.not_after.nanoseconds();
    launch_.serial = order.serial;
    const std::array<int, 2> descriptors{packed->text.get(), packed->log.get()};
    if (!send_with(socket_.native_handle(), order, descriptors))
      end_launch(fail(std::string("the guardian does not take it: ") + std::strerror(errno)));
  }
  void end_launch(Launched answer) {
    launch_.is_waiting = false;
    if (auto done = std::exchange(launch_.done, nullptr)) done(std::move(answer));
  }
  void launch_answered(const OrderTaken& taken) {
    if (!launch_.done || launch_.is_waiting || taken.serial != launch_.serial) return;
    if (taken.server_pid != 0) return end_launch(taken.server_pid);
    if (taken.error == ETIME)
      return end_launch(fail(std::string("the guardian was asked too late; nothing was started")));
    end_launch(fail(std::string("the guardian cannot start a process: ") +
                    std::strerror(static_cast<int>(taken.error))));
  }

  void trouble(const std::string& problem) {
    if (is_closed_) return;
    if (launch_.is_waiting && boottime_now() >= launch_.process.not_after)
      end_launch(fail("there is no guardian to start it: " + problem));
    const auto pause = pause_;
    pause_ = std::min(pause_ * 2, kPauseMax);
    look_soon(pause);
    if (options_.on_trouble) options_.on_trouble(problem);
  }
  void look_soon(Duration pause) {
    pause_timer_.expires_after(pause);
    pause_timer_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (self && !error) self->look();
    });
  }
  void lose(const std::string& problem) {
    error_code ignored;
    socket_.close(ignored);
    if (!launch_.is_waiting) end_launch(fail("the guardian is gone: " + problem));
    trouble(problem);
  }

  void send() {
    hear();
    if (!socket_.is_open()) return;
    if (answered_ != order_.serial && boottime_now() - oldest_unanswered_ > kAnswerWithin) {
      if (is_suspect_for_long()) return replace();
    }
    if (answered_ == order_.serial) oldest_unanswered_ = boottime_now();
    ++order_.serial;
    const ssize_t sent = ::send(socket_.native_handle(), &order_, sizeof order_, MSG_NOSIGNAL);
    if (sent == sizeof order_) return;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return replace();
    lose(std::string("the guardian does not take orders: ") + std::strerror(errno));
  }

  // Not at the first sight: agent and guardian may have been frozen together, and it is about to
  // answer.
  bool is_suspect_for_long() {
    if (!suspected_since_) suspected_since_ = boottime_now();
    return boottime_now() - *suspected_since_ > kSuspectedFor;
  }

  // A guardian that is frozen would hold the name for ever and kill nobody. The server that it has
  // started ends with it, and is started again in place.
  void replace() {
    signal_process(guardian_, SIGKILL);
    lose("the guardian (process " + std::to_string(guardian_.pid) +
         ") does not answer; it is replaced");
  }

  void listen() {
    socket_.async_wait(asio::posix::descriptor_base::wait_read,
                       [weak = weak_from_this()](error_code error) {
                         const auto self = weak.lock();
                         if (!self || error) return;
                         self->hear();
                         if (self->socket_.is_open()) self->listen();
                       });
  }
  void hear() {
    while (socket_.is_open()) {
      OrderTaken taken;
      const ssize_t got = ::recv(socket_.native_handle(), &taken, sizeof taken, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got == sizeof taken && taken.magic == kOrderMagic) {
        answered_ = taken.serial;
        suspected_since_.reset();
        launch_answered(taken);
        continue;
      }
      lose("the guardian (process " + std::to_string(guardian_.pid) +
           ") has ended or has taken another agent; a new one is looked for");
    }
  }

  asio::any_io_executor loop_;
  GuardianFenceOptions options_;
  asio::posix::stream_descriptor socket_;
  asio::steady_timer pause_timer_;
  std::unique_ptr<ChildProcess> starting_;
  Order order_;
  bool has_order_ = false;
  bool is_closed_ = false;
  std::uint64_t answered_ = 0;
  Instant oldest_unanswered_;
  std::optional<Instant> suspected_since_;
  struct {
    ServerProcess process;
    std::function<void(Launched)> done;
    bool is_waiting = false;  // it has not been sent
    std::uint64_t serial = 0;
  } launch_;
  Duration pause_ = kPauseMin;
  ProcessIdentity guardian_;
};

GuardianFence::GuardianFence(const asio::any_io_executor& loop, GuardianFenceOptions options)
    : link_(std::make_shared<Link>(loop, std::move(options))) {}

GuardianFence::~GuardianFence() {
  link_->close();
}

void GuardianFence::start() {
  link_->look();
}
bool GuardianFence::is_connected() const {
  return link_->is_connected();
}
void GuardianFence::arm(Instant at, std::int64_t postmaster_pid) {
  link_->give(at, postmaster_pid);
}
void GuardianFence::arm_no_later(Instant at, std::int64_t postmaster_pid) {
  link_->give(at, postmaster_pid, true);
}
void GuardianFence::launch(ServerProcess process, std::function<void(Launched)> done) {
  link_->launch(std::move(process), std::move(done));
}
void GuardianFence::disarm() {
  link_->give(Instant::never(), 0);
}

}  // namespace pgherd
