#include "guardian/guardian.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>

#include "guardian/launch.h"

namespace pgherd {
namespace {

constexpr Duration kLookAgainAfter = 5ms;
// The agent that started us connects at once; if it died in between, we are of no use.
constexpr Duration kFirstAgentWithin = 10s;
// While it only stays for PostgreSQL's sake.
constexpr Duration kLookAfterServer = 1s;

Instant now() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return Instant::from_nanoseconds(at.tv_sec * 1'000'000'000 + at.tv_nsec);
}

[[noreturn]] void give_up(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> resolved{};
  return ::realpath(path.c_str(), resolved.data()) != nullptr ? resolved.data() : path;
}

UniqueFd listen_on(const std::string& name) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) give_up("the guardian cannot make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    give_up("the guardian cannot take its socket's name");
  if (::listen(socket.get(), 8) != 0) give_up("the guardian cannot listen");
  return socket;
}

struct Received {
  ssize_t bytes = -1;
  std::array<UniqueFd, 2> descriptors;
};

Received receive(int socket, Order& order) {
  Received received;
  iovec place{.iov_base = &order, .iov_len = sizeof order};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  received.bytes = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received.bytes < 0) return received;
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head == nullptr || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
    return received;
  const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < std::min(count, received.descriptors.size()); ++i) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(head) + i * sizeof(int), sizeof descriptor);
    received.descriptors[i].reset(descriptor);
  }
  return received;
}

bool is_trusted(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace

std::string guardian_socket_name(const std::string& data_dir) {
  std::string path = data_dir;
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  std::string real = real_path(path);
  // Not there yet: where it will be.
  if (::access(path.c_str(), F_OK) != 0 && path.find('/') != std::string::npos) {
    const auto slash = path.rfind('/');
    real = real_path(slash == 0 ? "/" : path.substr(0, slash)) + path.substr(slash);
  }
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a: any agent must find it, in any version
  for (const char c : real)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "pgherd-guardian-%u-%016llx", ::geteuid(),
                static_cast<unsigned long long>(hash));
  return name.data();
}

Guardian::Guardian(const std::string& data_dir, std::string successor)
    : Guardian(data_dir, std::move(successor),
               GuardianHeritage{.listener = listen_on(guardian_socket_name(data_dir)).release(),
                                .processes = {},
                                .server = {}}) {}

Guardian::Guardian(std::string data_dir, std::string successor, const GuardianHeritage& heritage)
    : successor_(std::move(successor)),
      server_(heritage.server),
      fence_at_(heritage.fence_at),
      listener_(heritage.listener),
      timer_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_.is_open()) give_up("the guardian cannot make a timer");
  ::fcntl(listener_.get(), F_SETFD, FD_CLOEXEC);
  ::signal(SIGCHLD, SIG_IGN);  // nobody is left unreaped
  processes_.data_dir = std::move(data_dir);
  mind(heritage.processes);
  first_agent_until_ = now() + kFirstAgentWithin;
}

bool Guardian::has_server() const {
  return server_.pid != 0 && is_running(server_);
}

void Guardian::run() {
  while (is_armed() || agent_.is_open() || now() < first_agent_until_ || has_server()) {
    set_timer();
    wait_and_take();
    carry_out_if_due();
  }
}

void Guardian::wait_and_take() {
  // poll passes over negative descriptors.
  std::array<pollfd, 3> wanted{pollfd{listener_.get(), POLLIN, 0}, pollfd{agent_.get(), POLLIN, 0},
                               pollfd{timer_.get(), POLLIN, 0}};
  if (::poll(wanted.data(), wanted.size(), -1) < 0) {
    // Out of memory for a moment: the timer must still be obeyed, so go on without burning the CPU.
    if (errno != EINTR) ::usleep(1000);
    return;
  }
  if (wanted[2].revents != 0) {
    std::uint64_t rings = 0;
    [[maybe_unused]] const ssize_t got = ::read(timer_.get(), &rings, sizeof rings);
  }
  if (wanted[1].revents != 0) hear_agent();
  if (wanted[0].revents != 0) accept_agent();
}

void Guardian::accept_agent() {
  UniqueFd newest(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!newest.is_open()) return;
  if (!is_trusted(newest.get())) {
    say("refused a connection from another user");
    return;
  }
  agent_ = std::move(newest);
  first_agent_until_ = Instant();
}

void Guardian::hear_agent() {
  while (agent_.is_open()) {
    Order order;
    Received received = receive(agent_.get(), order);
    const ssize_t got = received.bytes;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got <= 0) {
      agent_.reset();
      return;
    }
    if (got != sizeof order || order.magic != kOrderMagic || order.version != kOrderVersion) {
      agent_.reset();
      become_newer();
      return;
    }
    if (order.kind == kLaunchOrder) {
      launch(order, received.descriptors[0].get(), received.descriptors[1].get());
    } else {
      take(order);
    }
  }
}

// The agent connects again, to the same socket, until it is understood.
void Guardian::become_newer() {
  say("an agent of another version is there: becoming " + successor_ + " as it is now");
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  const std::array<std::string, 13> words{
      successor_,
      "guardian",
      "--data-dir",
      processes_.data_dir,
      "--successor",
      successor_,
      "--inherit",
      text(listener_.get()),
      text(fence_at_.nanoseconds()),
      text(processes_.postmaster.pid),
      text(static_cast<std::int64_t>(processes_.postmaster.started)),
      text(server_.pid),
      text(static_cast<std::int64_t>(server_.started))};
  std::array<char*, 14> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i)
    arguments[i] = const_cast<char*>(words[i].c_str());
  ::fcntl(listener_.get(), F_SETFD, 0);
  ::execv(successor_.c_str(), arguments.data());
  ::fcntl(listener_.get(), F_SETFD, FD_CLOEXEC);
  say("cannot become " + successor_ + ": " + std::strerror(errno));
}

// One that was held up by whatever froze this process is not wanted any more by who asked for it.
void Guardian::launch(const Order& order, int text, int log) {
  OrderTaken taken{.serial = order.serial};
  const Instant present = now();
  const bool is_late = present >= Instant::from_nanoseconds(order.not_after);
  if (is_late || (is_armed() && present >= fence_at_) || text < 0 || log < 0) {
    taken.error = text < 0 || log < 0 ? EBADF : ETIME;
    return answer(taken);
  }
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become_server(text, log, self);
  if (pid > 0) {
    server_ = identify_process(pid).value_or(ProcessIdentity{});
    taken.server_pid = pid;
  } else {
    taken.error = errno;
  }
  answer(taken);
}

void Guardian::answer(const OrderTaken& taken) {
  ::send(agent_.get(), &taken, sizeof taken, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Guardian::take(const Order& order) {
  const Instant at = Instant::from_nanoseconds(order.fence_at);
  const bool stands = order.earlier_stands != 0 && is_armed() && fence_at_ <= at;
  if (!stands) {
    fence_at_ = at;
    mind({static_cast<pid_t>(order.postmaster_pid), order.postmaster_started});
    is_hunting_ = false;
  }
  answer(OrderTaken{.serial = order.serial});
}

void Guardian::mind(const ProcessIdentity& postmaster) {
  if (processes_.postmaster == postmaster) return;
  processes_.postmaster = postmaster;
  grip_ = PostmasterGrip(postmaster);
  grip_.rehearse();
}

void Guardian::set_timer() {
  Instant due = is_hunting_ ? look_again_ : fence_at_;
  if (!is_armed() && !agent_.is_open()) {
    due = has_server() ? now() + kLookAfterServer : first_agent_until_;
  }
  itimerspec setting{};
  if (!due.is_never()) {
    const auto at = std::max<std::int64_t>(due.nanoseconds(), 1);
    setting.it_value.tv_sec = at / 1'000'000'000;
    setting.it_value.tv_nsec = at % 1'000'000'000;
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
}

void Guardian::carry_out_if_due() {
  const Instant present = now();
  if (!is_armed() || present < fence_at_ || (is_hunting_ && present < look_again_)) return;
  // Once: what is killed may still be there for a moment, as a process that nobody has taken note
  // of.
  const bool was_struck = !is_hunting_ && grip_.strike();
  const int alive = kill_server_processes(processes_) + (was_struck ? 1 : 0);
  if (!is_hunting_ && alive > 0)
    say("the agent did not renew its order in time: killing PostgreSQL");
  if (alive == 0) {
    if (is_hunting_) say("PostgreSQL is gone");
    fence_at_ = Instant::never();
    is_hunting_ = false;
    return;
  }
  is_hunting_ = true;
  look_again_ = present + kLookAgainAfter;
}

void Guardian::say(const std::string& text) const {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  std::tm parts{};
  ::localtime_r(&at.tv_sec, &parts);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::array<char, 8> milliseconds{};
  std::snprintf(milliseconds.data(), milliseconds.size(), ",%03u",
                static_cast<unsigned>(at.tv_nsec / 1'000'000) % 1000);
  const std::string line = std::string(date.data()) + milliseconds.data() +
                           " CRITICAL: guardian of " + processes_.data_dir + ": " + text + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace pgherd
