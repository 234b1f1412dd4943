#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>

#include "local/actions.h"
#include "local/errors.h"
#include "local/herd.h"
#include "local/progress.h"
#include "runtime/pid_watch.h"
#include "runtime/process.h"

namespace pgherd::local {
namespace {
namespace fs = std::filesystem;

// Says what has stopped, as the supervisor notes it down.
class StopTeller {
 public:
  StopTeller(const Herd& herd, Progress& progress) : progress_(progress) {
    for (const Part& part : herd.parts)
      was_running_[part.name] = is_running(part.process);
  }
  void tell(const std::string& dir) {
    const auto herd = load_herd(dir);
    if (!herd) return;
    for (const Part& part : herd->parts) {
      bool& was_running = was_running_[part.name];
      if (!was_running || part.state != PartState::Stopped) continue;
      was_running = false;
      progress_.done(part.name + " stopped");
    }
  }

 private:
  Progress& progress_;
  std::map<std::string, bool> was_running_;
};

bool is_anything_running(const Herd& herd) {
  for (const Part& part : herd.parts)
    if (is_running(part.process)) return true;
  return false;
}

std::optional<RunAs> runner_of(const Herd& herd) {
  if (::geteuid() != 0 || herd.user.empty()) return std::nullopt;
  auto found = find_user(herd.user);
  if (!found) throw LocalError("the herd runs as user \"" + herd.user + "\": " + found.error());
  return *found;
}

void turn_until(boost::asio::io_context& loop, const bool& is_over, StopTeller& teller,
                const std::string& dir) {
  while (!is_over) {
    loop.restart();
    loop.run_for(100ms);
    teller.tell(dir);
  }
}

void stop_supervisor(const Herd& herd, const ProcessIdentity& supervisor, Progress& progress) {
  boost::asio::io_context loop;
  bool is_over = false;
  const auto watch =
      PidWatch::start(loop.get_executor(), supervisor, [&is_over] { is_over = true; });
  if (!watch) throw LocalError(watch.error());
  if (!signal_process(supervisor, SIGTERM) && is_running(supervisor))
    throw LocalError("cannot stop the supervisor, process " + std::to_string(supervisor.pid) +
                     ": " + std::strerror(errno));
  StopTeller teller(herd, progress);
  turn_until(loop, is_over, teller, herd.dir);
}

// Its supervisor is gone, its programs are not: a new supervisor adopts them, only to stop them.
void stop_without_supervisor(const Herd& herd, Progress& progress) {
  boost::asio::io_context loop;
  ProcessSpec spec;
  spec.argv = {"/proc/self/exe", "local", "supervise", "--dir", herd.dir, "--stop"};
  spec.own_session = true;
  spec.run_as = runner_of(herd);
  spec.output_file = herd.path("logs/supervisor.log");
  auto child = ChildProcess::start(loop.get_executor(), std::move(spec));
  if (!child) throw LocalError(child.error());
  (*child)->detach();
  bool is_over = false;
  (*child)->on_end([&is_over](const ProcessEnd&) { is_over = true; });
  StopTeller teller(herd, progress);
  turn_until(loop, is_over, teller, herd.dir);
}

void stop(const Herd& herd) {
  Progress progress;
  if (const auto supervisor = running_supervisor(herd.dir))
    stop_supervisor(herd, *supervisor, progress);
  else if (is_anything_running(herd))
    stop_without_supervisor(herd, progress);
  const auto after = load_herd(herd.dir);
  if (!after) return;
  for (const Part& part : after->parts)
    if (is_running(part.process))
      throw LocalError(part.name + " (process " + std::to_string(part.process.pid) +
                       ") still runs; see " + herd.path("logs/supervisor.log"));
}

}  // namespace

int down(const HerdOptions& options) {
  const std::string dir = find_dir(options);
  const auto herd = load_herd(dir);
  if (!herd) {
    fmt::print("There is no herd in {}.\n", dir);
    return 0;
  }
  stop(*herd);
  fmt::print("The herd in {} is stopped; its data stays.\n", dir);
  return 0;
}

int destroy(const HerdOptions& options, bool is_confirmed) {
  const std::string dir = find_dir(options);
  std::error_code error;
  if (!fs::exists(dir, error)) {
    fmt::print("There is nothing in {}.\n", dir);
    return 0;
  }
  if (!fs::exists(marker_of(dir), error))
    throw LocalError(dir + " was not made by pgherd local, so it is not removed");
  if (!is_confirmed) {
    if (::isatty(STDIN_FILENO) == 0)
      throw LocalError("destroy removes " + dir + " with all its data; to do so say --yes");
    fmt::print("Remove {} with all its data? [y/N] ", dir);
    std::fflush(stdout);
    std::string answer;
    if (!std::getline(std::cin, answer) || (answer != "y" && answer != "Y" && answer != "yes")) {
      fmt::print("Nothing was removed.\n");
      return 1;
    }
  }
  if (const auto herd = load_herd(dir)) stop(*herd);
  // The marker last: what cannot be removed now can be tried again.
  for (const auto& entry : fs::directory_iterator(dir))
    if (entry.path() != marker_of(dir)) fs::remove_all(entry.path());
  fs::remove_all(dir);
  fmt::print("{} is removed.\n", dir);
  return 0;
}

}  // namespace pgherd::local
