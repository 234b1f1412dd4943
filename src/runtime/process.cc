#include "runtime/process.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "runtime/await_answer.h"
#include "runtime/process_spawn.h"

namespace pgherd {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Cuts a stream into lines and keeps its tail.
class Captured {
 public:
  Captured(const asio::any_io_executor& loop, OutputOf which) : which_(which), pipe_(loop) {}

  void open(UniqueFd fd) {
    if (!fd.is_open()) return;
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    pipe_.assign(fd.release());
  }
  void close() {
    error_code ignored;
    pipe_.close(ignored);
  }
  [[nodiscard]] bool is_open() const { return pipe_.is_open(); }
  asio::posix::stream_descriptor& pipe() { return pipe_; }

  // Takes what is there without waiting. False: the other side is closed for good.
  bool take(const ProcessSpec& spec) {
    std::array<char, 8192> piece;  // NOLINT: filled by read
    for (;;) {
      const ssize_t got = ::read(pipe_.native_handle(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno == EAGAIN;
      if (got == 0) return false;
      add(std::string_view(piece.data(), static_cast<std::size_t>(got)), spec);
    }
  }
  void finish(const ProcessSpec& spec) {
    if (!line_.empty() && spec.on_line) spec.on_line(which_, line_);
    line_.clear();
  }
  std::string take_tail(const ProcessSpec& spec) {
    shorten(spec.tail_bytes_max);
    return std::move(tail_);
  }

 private:
  void shorten(std::size_t bytes_max) {
    if (tail_.size() > bytes_max) tail_.erase(0, tail_.size() - bytes_max);
  }
  void add(std::string_view piece, const ProcessSpec& spec) {
    tail_.append(piece);
    if (tail_.size() > 2 * spec.tail_bytes_max) shorten(spec.tail_bytes_max);
    if (!spec.on_line) return;
    for (std::size_t end = 0; (end = piece.find('\n')) != std::string_view::npos;) {
      line_.append(piece.substr(0, end));
      piece.remove_prefix(end + 1);
      spec.on_line(which_, line_);
      line_.clear();
    }
    line_.append(piece);
    if (line_.size() > spec.tail_bytes_max) finish(spec);
  }

  OutputOf which_;
  asio::posix::stream_descriptor pipe_;
  std::string line_;
  std::string tail_;
};

}  // namespace

class ChildProcess::State : public std::enable_shared_from_this<State> {
 public:
  State(const asio::any_io_executor& loop, ProcessSpec spec)
      : spec_(std::move(spec)),
        pidfd_(loop),
        timer_(loop),
        out_(loop, OutputOf::Stdout),
        err_(loop, OutputOf::Stderr) {}

  Result<void, std::string> start() {
    auto spawned = spawn(spec_);
    if (!spawned) return fail(std::move(spawned.error()));
    pid_ = spawned->pid;
    pidfd_.assign(spawned->pidfd.release());
    out_.open(std::move(spawned->out));
    err_.open(std::move(spawned->err));
    listen(out_);
    listen(err_);
    wait();
    if (spec_.timeout) {
      timer_.expires_after(*spec_.timeout);
      timer_.async_wait([self = shared_from_this()](error_code error) {
        if (error || self->has_ended_) return;
        self->end_.timed_out = true;
        self->terminate_group();
      });
    }
    return {};
  }

  void terminate() {
    if (has_ended_ || end_.cancelled) return;
    end_.cancelled = true;
    if (!end_.timed_out) terminate_group();
  }
  void kill_group() {
    if (has_ended_) return;
    ::kill(-pid_, SIGKILL);
  }
  // Until it is reaped the pid cannot be anybody else's.
  void signal(int number) {
    if (!has_ended_) ::kill(pid_, number);
  }
  void on_end(std::function<void(const ProcessEnd&)> handler) {
    handler_ = std::move(handler);
    if (!has_ended_ || !handler_) return;
    asio::post(pidfd_.get_executor(), [self = shared_from_this()] { self->tell(); });
  }

  pid_t pid_ = 0;
  bool has_ended_ = false;
  bool is_detached_ = false;

 private:
  void listen(Captured& stream) {
    if (!stream.is_open()) return;
    stream.pipe().async_wait(asio::posix::descriptor_base::wait_read,
                             [self = shared_from_this(), &stream](error_code error) {
                               if (error || !stream.is_open()) return;
                               if (stream.take(self->spec_))
                                 self->listen(stream);
                               else
                                 stream.close();
                             });
  }
  void wait() {
    pidfd_.async_wait(asio::posix::descriptor_base::wait_read,
                      [self = shared_from_this()](error_code error) {
                        if (!error) self->ended();
                      });
  }
  void terminate_group() {
    ::kill(-pid_, SIGTERM);
    ::kill(-pid_, SIGCONT);  // what is stopped could not obey
    timer_.expires_after(spec_.kill_after);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->kill_group();
    });
  }

  void ended() {
    // A wait for a descriptor may end without a cause, and who then waited for the process itself
    // would hold up the loop for as long as it lives.
    const auto seen = ask_for_end(WNOWAIT);
    if (seen && seen->si_pid == 0) return wait();
    // Before reaping, while the group's number is certainly still ours.
    if (end_.timed_out || end_.cancelled) ::kill(-pid_, SIGKILL);
    const auto info = ask_for_end(0);
    has_ended_ = true;
    if (info && info->si_code == CLD_EXITED) end_.exit_code = info->si_status;
    if (info && info->si_code != CLD_EXITED) end_.signal = info->si_status;
    timer_.cancel();
    for (Captured* stream : {&out_, &err_}) {
      if (stream->is_open()) stream->take(spec_);
      stream->finish(spec_);
      stream->close();
    }
    end_.out = out_.take_tail(spec_);
    end_.err = err_.take_tail(spec_);
    error_code ignored;
    pidfd_.close(ignored);
    spec_.on_line = nullptr;  // it may hold what holds us
    tell();
  }
  // Does not wait; si_pid 0: it has not ended. nullopt: it is no child any more.
  [[nodiscard]] std::optional<siginfo_t> ask_for_end(int options) const {
    siginfo_t info{};
    int outcome = 0;
    do {
      outcome = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | options);
    } while (outcome != 0 && errno == EINTR);
    return outcome == 0 ? std::optional(info) : std::nullopt;
  }
  void tell() {
    if (auto handler = std::exchange(handler_, nullptr)) handler(end_);
  }

  ProcessSpec spec_;
  ProcessEnd end_;
  asio::posix::stream_descriptor pidfd_;
  asio::steady_timer timer_;
  Captured out_;
  Captured err_;
  std::function<void(const ProcessEnd&)> handler_;
};

ChildProcess::ChildProcess(std::shared_ptr<State> state) : state_(std::move(state)) {}

ChildProcess::~ChildProcess() {
  state_->on_end(nullptr);
  if (!state_->is_detached_) state_->kill_group();
}

Result<std::unique_ptr<ChildProcess>, std::string> ChildProcess::start(
    const asio::any_io_executor& loop, ProcessSpec spec) {
  auto state = std::make_shared<State>(loop, std::move(spec));
  if (auto started = state->start(); !started) return fail(std::move(started.error()));
  return std::unique_ptr<ChildProcess>(new ChildProcess(std::move(state)));
}

pid_t ChildProcess::pid() const {
  return state_->pid_;
}
bool ChildProcess::has_ended() const {
  return state_->has_ended_;
}
void ChildProcess::on_end(std::function<void(const ProcessEnd&)> handler) {
  state_->on_end(std::move(handler));
}
void ChildProcess::signal(int number) {
  state_->signal(number);
}
void ChildProcess::terminate() {
  state_->terminate();
}
void ChildProcess::detach() {
  state_->is_detached_ = true;
}

std::string describe(const ProcessEnd& end) {
  if (end.timed_out) return "did not end in time";
  if (end.cancelled) return "was cancelled";
  if (end.exit_code >= 0) return "exited with status " + std::to_string(end.exit_code);
  return "was killed by signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) +
         ")";
}

namespace {

// Waits for the child's end; a cancellation of the coroutine becomes terminate().
template <typename Token>
auto async_end_of(ChildProcess& child, Token&& token) {
  return asio::async_initiate<Token, void(ProcessEnd)>(
      [&child](auto handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected())
          slot.assign([&child](asio::cancellation_type) { child.terminate(); });
        // std::function wants copies, completion handlers can only be moved.
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        child.on_end([kept, slot](const ProcessEnd& end) mutable {
          slot.clear();
          auto complete = std::move(*kept);
          const auto executor = asio::get_associated_executor(complete);
          asio::post(executor, [complete = std::move(complete), end]() mutable {
            std::move(complete)(std::move(end));
          });
        });
      },
      token);
}

}  // namespace

asio::awaitable<ProcessEnd> end_of(ChildProcess& child, Duration look,
                                   std::function<void()> meanwhile) {
  struct Waiting {
    explicit Waiting(const asio::any_io_executor& loop) : timer(loop) {}
    asio::steady_timer timer;
    std::optional<ProcessEnd> end;
  };
  auto waiting = std::make_shared<Waiting>(co_await asio::this_coro::executor);
  child.on_end([waiting](const ProcessEnd& seen) {
    waiting->end = seen;
    waiting->timer.cancel();
  });
  while (!waiting->end) {
    waiting->timer.expires_after(look);
    const auto [ignored] = co_await waiting->timer.async_wait(kAsTuple);
    static_cast<void>(ignored);
    meanwhile();
  }
  co_return *waiting->end;
}

asio::awaitable<Result<ProcessEnd, std::string>> run_process(ProcessSpec spec) {
  const auto executor = co_await asio::this_coro::executor;
  auto child = ChildProcess::start(executor, std::move(spec));
  if (!child) co_return fail(std::move(child.error()));
  ProcessEnd end = co_await async_end_of(**child, asio::use_awaitable);
  co_return end;
}

}  // namespace pgherd
