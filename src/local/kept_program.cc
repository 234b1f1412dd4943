#include "local/kept_program.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

#include "runtime/asio_clock.h"
#include "runtime/log.h"

namespace pgherd::local {
namespace {

constexpr Duration kPauseMin = 200ms;
constexpr Duration kPauseMax = 2s;
constexpr Duration kLivedLongEnough = 10s;

}  // namespace

KeptProgram::KeptProgram(const boost::asio::any_io_executor& loop, Part& part,
                         std::function<void()> changed)
    : loop_(loop), part_(part), changed_(std::move(changed)), timer_(loop), pause_(kPauseMin) {}

void KeptProgram::keep_alive() {
  if (!is_running(part_.process)) return start();
  if (!adopt()) start_later();
}

void KeptProgram::start() {
  ProcessSpec spec;
  spec.argv = part_.argv;
  spec.own_session = true;
  spec.output_file = part_.log;
  spec.may_set_priorities = part_.kind == PartKind::Agent;  // its guardian runs before PostgreSQL
  // A shell's settings for clients must not reach PostgreSQL's tools.
  spec.env_unset = {"PGHOST",     "PGPORT",     "PGUSER", "PGDATABASE",
                    "PGPASSWORD", "PGPASSFILE", "PGDATA"};
  started_ = boottime_now();
  auto child = ChildProcess::start(loop_, std::move(spec));
  if (!child) {
    part_.last_end = child.error();
    log_error("{}: {}", part_.name, child.error());
    return start_later();
  }
  child_ = std::move(*child);
  child_->detach();
  child_->on_end([this](const ProcessEnd& end) { ended(describe(end)); });
  part_.process = identify_process(child_->pid()).value_or(ProcessIdentity{child_->pid(), 0});
  part_.state = PartState::Running;
  log_info("{}: started, process {}", part_.name, child_->pid());
  changed_();
}

bool KeptProgram::adopt() {
  auto watch = PidWatch::start(loop_, part_.process, [this] { ended("ended"); });
  if (!watch) {
    log_error("{}: {}", part_.name, watch.error());
    return false;
  }
  started_ = boottime_now();
  watch_ = std::move(*watch);
  part_.state = PartState::Running;
  log_info("{}: still runs, process {}", part_.name, part_.process.pid);
  changed_();
  return true;
}

void KeptProgram::ended(const std::string& how) {
  log_line(is_stopping_ ? LogLevel::Info : LogLevel::Warning,
           part_.name + ": process " + std::to_string(part_.process.pid) + " " + how);
  timer_.cancel();
  watch_.reset();
  part_.process = {};
  part_.last_end = how;
  if (is_stopping_) return tell_stopped();
  ++part_.restarts;
  start_later();
}

void KeptProgram::start_later() {
  if (boottime_now() - started_ > kLivedLongEnough) pause_ = kPauseMin;
  part_.state = PartState::Waiting;
  changed_();
  timer_.expires_after(pause_);
  pause_ = std::min(pause_ * 2, kPauseMax);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !is_stopping_) keep_alive();
  });
}

void KeptProgram::stop(Duration patience, std::function<void()> stopped) {
  is_stopping_ = true;
  stopped_ = std::move(stopped);
  timer_.cancel();
  const bool is_known = (child_ && !child_->has_ended()) || watch_;
  if (!is_running(part_.process) || (!is_known && !adopt())) {
    part_.process = {};
    boost::asio::post(loop_, [this] { tell_stopped(); });
    return;
  }
  const ProcessIdentity process = part_.process;
  signal_process(process, SIGTERM);
  signal_process(process, SIGCONT);  // a test may have frozen it
  timer_.expires_after(patience);
  timer_.async_wait([this, process](boost::system::error_code error) {
    if (error) return;
    log_info("{}: process {} takes its time to end; killing it", part_.name, process.pid);
    signal_process(process, SIGKILL);
  });
}

void KeptProgram::tell_stopped() {
  part_.state = PartState::Stopped;
  if (stopped_) changed_();
  if (const auto stopped = std::exchange(stopped_, nullptr)) stopped();
}

}  // namespace pgherd::local
