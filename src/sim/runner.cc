#include "sim/runner.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace pgherd::sim {
namespace {

constexpr std::size_t kLastLines = 24;

std::string line_of(Instant when, const NodeName& who, const std::string& text) {
  std::array<char, 48> head{};
  std::snprintf(head.data(), head.size(), "%9.3f  %-8s ",
                static_cast<double>(when.nanoseconds()) / 1e9, who.c_str());
  return head.data() + text;
}

void print_line(Instant when, const NodeName& who, const std::string& text) {
  std::printf("%s\n", line_of(when, who, text).c_str());
}

// The seed once more, for the end of its story.
void print_last_decisions(std::uint64_t seed, RunOptions options) {
  std::deque<std::string> last;
  options.listener = [&last](Instant when, const NodeName& who, const std::string& text) {
    last.push_back(line_of(when, who, text));
    if (last.size() > kLastLines) last.pop_front();
  };
  (void)run_seed(seed, options);
  for (const auto& line : last)
    std::printf("  %s\n", line.c_str());
}

void run_one(std::uint64_t seed, const RunnerTask& task, Summary& summary) {
  RunOptions options = task.options;
  if (task.is_verbose) options.listener = print_line;
  auto report = run_seed(seed, options);
  const bool again =
      task.replay_twice > 0 && seed % 100 < static_cast<std::uint64_t>(task.replay_twice);
  if (again && !report.failure) {
    options.listener = nullptr;
    ++summary.replayed;
    if (run_seed(seed, options).digest != report.digest) {
      report.failure = "R1: the same seed went another way the second time";
    }
  }
  summary.add(seed, report);
  if (!report.failure) return;
  std::printf("FAILED %s\n", report.failure->c_str());
  if (!task.is_verbose) print_last_decisions(seed, options);
  std::printf("seed %llu commit %s\n", static_cast<unsigned long long>(seed), task.commit.c_str());
  std::fflush(stdout);
}

// Every `of`-th seed, beginning with the `share`-th.
Summary run_share(const RunnerTask& task, int share, int of) {
  Summary summary;
  for (std::size_t i = static_cast<std::size_t>(share); i < task.seeds.size();
       i += static_cast<std::size_t>(of)) {
    run_one(task.seeds[i], task, summary);
    if (!summary.failed.empty() && task.stops_at_failure) break;
  }
  return summary;
}

[[noreturn]] void fail_with(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

struct Worker {
  pid_t pid = 0;
  int summary = -1;  // the end to read from
};

Worker start_worker(const RunnerTask& task, int share) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) fail_with("cannot make a pipe for a worker");
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) fail_with("cannot start a worker");
  if (pid > 0) {
    close(ends[1]);
    return {.pid = pid, .summary = ends[0]};
  }
  close(ends[0]);
  std::ostringstream text;
  write_summary(run_share(task, share, task.jobs), text);
  const std::string all = text.str();
  for (std::size_t sent = 0; sent < all.size();) {
    const auto count = write(ends[1], all.data() + sent, all.size() - sent);
    if (count < 0) _exit(3);
    sent += static_cast<std::size_t>(count);
  }
  std::fflush(stdout);
  _exit(0);
}

Summary summary_of(const Worker& worker) {
  std::string text;
  std::array<char, 65536> piece{};
  for (ssize_t count = 0; (count = read(worker.summary, piece.data(), piece.size())) != 0;) {
    if (count < 0) fail_with("cannot read what a worker says");
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  close(worker.summary);
  int status = 0;
  if (waitpid(worker.pid, &status, 0) < 0) fail_with("cannot wait for a worker");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("a worker died with wait status " + std::to_string(status) +
                             "; run with --jobs 1 to see where");
  }
  std::istringstream from(text);
  return read_summary(from);
}

}  // namespace

// Processes, not threads: each has its memory for itself, and a seed that crashes takes no other
// along.
Summary run_all(const RunnerTask& task) {
  if (task.jobs <= 1) return run_share(task, 0, 1);
  std::vector<Worker> workers;
  for (int share = 0; share < task.jobs; ++share) {
    workers.push_back(start_worker(task, share));
  }
  Summary summary;
  for (const auto& worker : workers) {
    summary.add(summary_of(worker));
  }
  return summary;
}

// ---- The story of one seed
// ------------------------------------------------------------------------------

namespace {

class Teller {
 public:
  void hear(Instant when, const NodeName& who, const std::string& text) {
    const double at = static_cast<double>(when.nanoseconds()) / 1e9;
    if (who == "story") {
      std::printf("\n%s\n", text.c_str());
      return;
    }
    if (who == "store" && text.starts_with("/leader names ")) note_leader(at, text.substr(14));
    const char* mark = who == "fault"     ? "!!"
                       : who == "referee" ? "##"
                       : who == "clients" ? "<>"
                       : who == "store"   ? "=="
                                          : "  ";
    std::string line = text;
    // A decision: what is done, then why.
    for (auto at_break = line.find('\n'); at_break != std::string::npos;
         at_break = line.find('\n', at_break + 1)) {
      const auto rule = line.find('[', at_break);
      const auto end = line.find("] ", rule);
      if (rule == std::string::npos || end == std::string::npos) continue;
      const auto id = line.substr(rule, end + 1 - rule);
      auto stop = line.find('\n', end);
      if (stop == std::string::npos) stop = line.size();
      const auto why = line.substr(end + 2, stop - end - 2);
      const std::string told = "\n" + std::string(23, ' ') + "because " + why + " " + id;
      line.replace(at_break, stop - at_break, told);
      at_break += told.size() - 1;
    }
    std::printf("%4d:%06.3f %s %-8s %s\n", static_cast<int>(at / 60),
                at - 60.0 * static_cast<int>(at / 60), mark, who.c_str(), line.c_str());
  }

  void end(double at) {
    note_leader(at, "the end");
    std::printf("\nWho led:\n");
    for (const auto& reign : reigns_) {
      std::printf("  %-8s from %8.3f s for %8.3f s\n", reign.who.c_str(), reign.from,
                  reign.until - reign.from);
    }
  }

 private:
  struct Reign {
    std::string who;
    double from = 0;
    double until = 0;
  };
  void note_leader(double at, const std::string& who) {
    if (!reigns_.empty()) reigns_.back().until = at;
    if (who != "the end") reigns_.push_back({.who = who, .from = at, .until = at});
  }
  std::vector<Reign> reigns_;
};

}  // namespace

bool explain(std::uint64_t seed, const RunOptions& options, const std::string& commit) {
  Teller teller;
  RunOptions told = options;
  told.listener = [&teller](Instant when, const NodeName& who, const std::string& text) {
    teller.hear(when, who, text);
  };
  std::printf(
      "Seed %llu, commit %s.\n!! what breaks   == what the store says   <> what clients "
      "see   ## what the referee says\n",
      static_cast<unsigned long long>(seed), commit.c_str());
  const auto report = run_seed(seed, told);
  teller.end(static_cast<double>(report.virtual_time.count()) / 1e9);
  std::printf(
      "\n%llu writes were acknowledged, %llu of them are lost. %s\nseed %llu commit %s\n",
      static_cast<unsigned long long>(report.acknowledged),
      static_cast<unsigned long long>(report.lost),
      report.failure ? ("FAILED " + *report.failure).c_str() : "Nothing happened that must not.",
      static_cast<unsigned long long>(seed), commit.c_str());
  return !report.failure;
}

}  // namespace pgherd::sim
