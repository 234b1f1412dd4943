#include "backup/children.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <csignal>

#include "backup/errors.h"
#include "runtime/asio_clock.h"

namespace pgherd::backup {

Children::Children(Duration patience)
    : signals_(io_, SIGINT, SIGTERM, SIGHUP), until_(boottime_now() + patience) {
  hear_signals();
}

void Children::hear_signals() {
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    if (!is_cleaning_up_) {
      signal_ = number;
      if (running_ != nullptr) running_->terminate();
    }
    hear_signals();
  });
}

void Children::throw_if_interrupted() const {
  if (signal_ != 0 && !is_cleaning_up_) throw Interrupted(signal_);
}

Duration Children::left(const std::string& what) const {
  const Duration left = until_ - boottime_now();
  if (left <= Duration::zero())
    throw BackupError(fmt::format("{}: the time is over, give more of it with --timeout", what));
  return left;
}

void Children::run_until(const std::function<bool()>& is_over, Duration time) {
  boost::asio::steady_timer timer(io_);
  bool is_late = false;
  timer.expires_after(time);
  timer.async_wait([&](boost::system::error_code error) { is_late = is_late || !error; });
  while (!is_over() && !is_late)
    io_.run_one();
  // Its handler refers to what lives here.
  timer.cancel();
  io_.poll();
}

ProcessEnd Children::run(ProcessSpec spec) {
  io_.poll();
  throw_if_interrupted();
  const std::string program = spec.argv.front();
  spec.timeout = is_cleaning_up_ ? Duration(60s) : left(program);
  spec.dies_with_parent = true;
  const auto child = start(std::move(spec));
  bool has_ended = false;
  ProcessEnd end;
  child->on_end([&](const ProcessEnd& seen) {
    end = seen;
    has_ended = true;
  });
  running_ = child.get();
  while (!has_ended)
    io_.run_one();
  running_ = nullptr;
  throw_if_interrupted();
  if (end.timed_out) static_cast<void>(left(program));
  return end;
}

std::unique_ptr<ChildProcess> Children::start(ProcessSpec spec) {
  auto child = ChildProcess::start(io_.get_executor(), std::move(spec));
  if (!child) throw BackupError(child.error());
  return std::move(*child);
}

void Children::wait(ChildProcess& child, Duration time) {
  run_until([&] { return child.has_ended() || (signal_ != 0 && !is_cleaning_up_); }, time);
  throw_if_interrupted();
}

void Children::end(ChildProcess& child, int number, Duration grace) {
  if (child.has_ended()) return;
  child.signal(number);
  run_until([&] { return child.has_ended(); }, grace);
  if (child.has_ended()) return;
  child.signal(SIGKILL);
  run_until([&] { return child.has_ended(); }, 30s);
}

}  // namespace pgherd::backup
