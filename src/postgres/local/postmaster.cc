#include "postgres/local/postmaster.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <fstream>

#include "postgres/local/pg_control.h"
#include "runtime/asio_clock.h"
#include "runtime/await_answer.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

// PostgreSQL itself kills its children five seconds after an immediate shutdown was asked for.
constexpr Duration kImmediateGrace = 6s;
// "shut down" is written: what is left is sending to standbys and archiving.
constexpr Duration kAfterShutDownGrace = 60s;
constexpr Duration kDeathGrace = 10s;  // from SIGKILL to being gone
// From the end of a postmaster to that of its logger, which writes what the others said last.
constexpr Duration kLoggerGrace = 500ms;
constexpr Duration kPoll = 10ms;
// How long a request to start the server may be on its way, and how long its answer.
constexpr Duration kLaunchLimit = 4s;
constexpr Duration kLaunchAnswer = 1s;
constexpr std::uint64_t kLogBytesMax = 64ULL << 20U;

std::uint64_t size_of(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

ProcessState state_of(const PostmasterPid& file) {
  switch (file.status) {
    case PostmasterStatus::Ready:
    case PostmasterStatus::Standby:
      return ProcessState::Running;
    case PostmasterStatus::Stopping:
      return ProcessState::Stopping;
    case PostmasterStatus::Starting:
    case PostmasterStatus::Unknown:
      break;
  }
  return ProcessState::Starting;
}

bool is_shut_down(const std::string& data_dir) {
  const auto control = read_pg_control(data_dir);
  return control && (control->data.state == ControlState::ShutDown ||
                     control->data.state == ControlState::ShutDownInRecovery);
}

// What the server must not know of: how its agent is configured and supervised.
std::vector<std::string> foreign_variables() {
  std::vector<std::string> names{"NOTIFY_SOCKET", "PG_MALLOC_ARENA_MAX", "PG_GRANDPARENT_PID"};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    for (const std::string_view prefix : {"PATRONI_", "KUBERNETES_", "PGHERD_"})
      if (text.starts_with(prefix)) names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

}  // namespace

asio::awaitable<void> pause_for(Duration time) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(time);
  co_await timer.async_wait(asio::use_awaitable);
}

Postmaster::Postmaster(asio::any_io_executor loop, std::string data_dir,
                       std::function<void()> changed, Launch launch)
    : loop_(std::move(loop)),
      data_dir_(std::move(data_dir)),
      changed_(std::move(changed)),
      launch_(std::move(launch)),
      alive_(std::make_shared<char>()) {}

Postmaster::~Postmaster() = default;

ProcessState Postmaster::look() {
  const PostmasterSearch search = find_postmaster(data_dir_);
  if (search.found) {
    adopt(*search.found);
  } else if (present_ && !is_running(present_->process)) {
    present_.reset();
    watch_.reset();
  }
  // A postmaster lives without its file for a moment only: at its very start and its very end.
  if (!present_) return beginning() ? ProcessState::Starting : ProcessState::Stopped;
  if (stop_is_under_way_ || !search.found) return ProcessState::Stopping;
  return state_of(present_->file);
}

std::optional<ProcessIdentity> Postmaster::beginning() const {
  if (launched_.pid != 0 && is_running(launched_)) return launched_;
  if (child_ && !child_->has_ended()) return identify_process(child_->pid());
  return std::nullopt;
}

void Postmaster::adopt(const FoundPostmaster& found) {
  const bool is_known = present_ && present_->process == found.process;
  present_ = found;
  if (!is_known) {
    auto watch =
        PidWatch::start(loop_, found.process, [this, which = found.process] { ended(which); });
    if (watch)
      watch_ = std::move(*watch);
    else
      log_error("cannot watch the postmaster {}: {}; its end is noticed at the next look only",
                found.process.pid, watch.error());
  }
  watch_status();
}

void Postmaster::ended(const ProcessIdentity& which) {
  if (!present_ || present_->process != which) return;
  present_.reset();
  // We are called by the watch itself; it goes when it has returned.
  asio::post(loop_, [watch = std::shared_ptr<PidWatch>(std::move(watch_))] {});
  changed_();
}

// The status line is read often while it is about to change, and not at all otherwise.
void Postmaster::watch_status() {
  if (is_following_status_ || !present_ || state_of(present_->file) == ProcessState::Running)
    return;
  is_following_status_ = true;
  asio::co_spawn(loop_, follow_status(), asio::detached);
}

asio::awaitable<void> Postmaster::follow_status() {
  const std::weak_ptr<char> alive = alive_;
  const ProcessIdentity which = present_->process;
  for (;;) {
    co_await pause_for(kPoll);
    if (alive.expired()) co_return;
    if (!present_ || present_->process != which) break;
    const auto file = read_postmaster_pid(data_dir_);
    if (!file || file->pid != which.pid || file->status == present_->file.status) continue;
    present_->file = *file;
    changed_();
    if (state_of(*file) == ProcessState::Running) break;
  }
  is_following_status_ = false;
  watch_status();
}

bool Postmaster::signal(int number) {
  return present_ && signal_process(present_->process, number);
}

asio::awaitable<Attempt> Postmaster::kill_leftovers() {
  const Instant patience = boottime_now() + kLoggerGrace;
  const Instant deadline = boottime_now() + kDeathGrace;
  for (bool is_told = false;; co_await pause_for(kPoll)) {
    auto left = postgres_processes_in(data_dir_);
    if (left.empty()) co_return Attempt{};
    const bool is_logger_alone = std::all_of(left.begin(), left.end(), is_logger);
    if (boottime_now() < patience) std::erase_if(left, is_logger);
    if (!left.empty() && !std::exchange(is_told, true)) {
      // It has written all that it was told, on a machine that is busy.
      if (is_logger_alone)
        log_info("ending the logging collector that an ended postmaster left in {}", data_dir_);
      else
        log_warning("killing {} processes that an ended postmaster left in {}", left.size(),
                    data_dir_);
    }
    for (const ProcessIdentity& process : left)
      signal_process(process, SIGKILL);
    if (boottime_now() > deadline)
      co_return failed(fmt::format(
          "process {} in {} does not end after SIGKILL: it waits for a disk that does not answer; "
          "PostgreSQL cannot be started before it is gone",
          left.front().pid, data_dir_));
  }
}

asio::awaitable<Attempt> Postmaster::start(ServerStart how, std::function<Attempt()> may_start) {
  look();
  if (present_) co_return failed(fmt::format("PostgreSQL runs already (pid {})", pid()));
  if (auto clean = co_await kill_leftovers(); !clean) co_return clean;
  const PostmasterSearch search = find_postmaster(data_dir_);
  ServerProcess process;
  process.argv = {how.program};
  process.argv.insert(process.argv.end(), how.arguments.begin(), how.arguments.end());
  process.env_unset = foreign_variables();
  process.log_file = how.log_file;
  process.not_after = std::min(how.not_after, boottime_now() + kLaunchLimit);
  if (const char* arenas = ::getenv("PG_MALLOC_ARENA_MAX"))
    process.env.emplace_back("MALLOC_ARENA_MAX", arenas);
  if (auto known = acquaintance_with_stranger(search)) process.env.push_back(std::move(*known));
  log_file_ = how.log_file;
  if (size_of(log_file_) > kLogBytesMax) ::rename(log_file_.c_str(), (log_file_ + ".1").c_str());
  log_starts_at_ = size_of(log_file_);
  if (auto may = may_start(); !may) co_return may;
  auto started = Attempt{};
  if (launch_)
    started = co_await launch(std::move(process));
  else
    started = start_as_child(std::move(process));
  if (started) stop_is_under_way_ = false;
  co_return started;
}

asio::awaitable<Attempt> Postmaster::launch(ServerProcess process) {
  const std::function<void(std::function<void(Launched)>)> ask =
      [this, &process](std::function<void(Launched)> answer) {
        launch_(std::move(process), std::move(answer));
      };
  auto answer = co_await await_answer<Launched>(kLaunchLimit + kLaunchAnswer, ask);
  if (!answer) co_return failed("cannot start PostgreSQL: the guardian does not answer");
  if (!*answer) co_return failed("cannot start PostgreSQL: " + answer->error());
  launched_ = identify_process(static_cast<pid_t>(**answer)).value_or(ProcessIdentity{});
  co_return Attempt{};
}

Attempt Postmaster::start_as_child(ServerProcess process) {
  ProcessSpec spec;
  spec.argv = std::move(process.argv);
  spec.env = std::move(process.env);
  spec.env_unset = std::move(process.env_unset);
  spec.output_file = std::move(process.log_file);
  spec.cwd = "/";
  spec.own_session = true;
  auto child = ChildProcess::start(loop_, std::move(spec));
  if (!child) return failed("cannot start PostgreSQL: " + child.error());
  // From here on it is nobody's child in spirit: it outlives us.
  (*child)->detach();
  child_ = std::move(*child);
  return {};
}

asio::awaitable<Attempt> Postmaster::wait_until_ready(Instant deadline, const ActControl& control) {
  for (;;) {
    const ProcessState state = look();
    if (state == ProcessState::Running) co_return Attempt{};
    if (state == ProcessState::Stopped) co_return failed(why_it_ended());
    if (control.is_cancelled) co_return cancelled("cancelled while PostgreSQL was starting");
    if (boottime_now() > deadline)
      co_return failed(
          "PostgreSQL is still starting (replaying WAL, see its log); it is left to it",
          ActOutcome::TimedOut);
    co_await pause_for(kPoll);
  }
}

// Once for each number and process: a postmaster that has only just been started is found, and can
// hear, when its file is there. False: it is not ours to signal.
bool Postmaster::tell_to_end(int number, Told& told) {
  if (!present_) return true;
  Told now{.process = present_->process, .number = number};
  if (told == now) return true;
  told = now;
  return signal(number) || !is_running(now.process);
}

asio::awaitable<Attempt> Postmaster::stop(StopMode mode, const ActControl& control,
                                          std::function<void()> shut_down) {
  Told told;
  Instant escalate_at =
      mode == StopMode::Fast ? Instant::never() : boottime_now() + kImmediateGrace;
  while (look() != ProcessState::Stopped) {
    if (!tell_to_end(mode == StopMode::Fast ? SIGINT : SIGQUIT, told)) {
      stop_is_under_way_ = false;
      co_return failed(
          fmt::format("cannot signal the postmaster {}: it belongs to somebody else", pid()));
    }
    stop_is_under_way_ = true;
    const bool is_over = shut_down && is_shut_down(data_dir_);
    if (is_over) {
      std::exchange(shut_down, nullptr)();
      if (mode == StopMode::Fast) escalate_at = boottime_now() + kAfterShutDownGrace;
    }
    const bool is_late = boottime_now() > escalate_at;
    if (mode == StopMode::Fast && (control.is_cancelled || is_late)) {
      mode = StopMode::Immediate;
      escalate_at = boottime_now() + kImmediateGrace;
      log_warning("fast shutdown of PostgreSQL takes too long: immediate shutdown");
      continue;
    }
    if (is_late) {
      log_warning("PostgreSQL does not end by itself: killing all its processes");
      signal(SIGKILL);
      if (const auto process = beginning()) signal_process(*process, SIGKILL);
      escalate_at = boottime_now() + kDeathGrace;
      if (auto killed = co_await kill_leftovers(); !killed) {
        stop_is_under_way_ = false;
        co_return killed;
      }
    }
    co_await pause_for(kPoll);
  }
  stop_is_under_way_ = false;
  child_.reset();
  launched_ = {};
  if (shut_down && is_shut_down(data_dir_)) shut_down();
  co_return co_await kill_leftovers();
}

std::string Postmaster::log_tail() const {
  std::ifstream log(log_file_);
  const std::uint64_t size = size_of(log_file_);
  const std::uint64_t from = size > log_starts_at_ + 4096 ? size - 4096 : log_starts_at_;
  log.seekg(static_cast<std::streamoff>(from));
  std::string tail;
  for (std::string line; std::getline(log, line);)
    tail += (tail.empty() ? "" : " | ") + line;
  return tail;
}

std::string Postmaster::why_it_ended() const {
  const std::string tail = log_tail();
  const auto says = [&](const char* words) { return tail.find(words) != tail.npos; };
  std::string advice;
  if (says("Address already in use") || says(".lock\" already exists"))
    advice = "another server holds its port (postgresql.listen): stop it or change the port. ";
  else if (says("No space left on device"))
    advice = "the disk is full: make room in the data directory or for pg_wal. ";
  else if (says("is not compatible with this version"))
    advice = "the binaries have another major version than the data: set postgresql.bin_dir. ";
  else if (says("logging collector"))
    advice = "more is in the server's own log directory. ";
  return fmt::format("PostgreSQL ended while starting: {}its log ({}) says: {}", advice, log_file_,
                     tail.empty() ? "nothing" : tail);
}

}  // namespace pgherd
