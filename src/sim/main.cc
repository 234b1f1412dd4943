// pgherd-sim: runs seeds and scenarios in the invented world. Exit code 0: all passed; 1: some
// failed; 2: the command line or a scenario cannot be understood.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/run.h"
#include "sim/scenario.h"
#include "sim/summary.h"

#ifndef PGHERD_COMMIT
#define PGHERD_COMMIT "unknown"
#endif

namespace pgherd::sim {
namespace {

struct Wishes {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::optional<std::uint64_t> one;
  bool is_verbose = false;
  bool stops_at_failure = false;
  int replay_twice = 0;  // every so many percent of the seeds
  double length_seconds = 600;
  double storm_seconds = 0;
  std::string seeds_file;
  std::vector<std::string> scenarios;
  bool rewrites = false;
};

void print_line(Instant when, const NodeName& who, const std::string& text) {
  std::printf("%9.3f  %-8s %s\n", static_cast<double>(when.nanoseconds()) / 1e9, who.c_str(),
              text.c_str());
}

Duration seconds(double number) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
}

// One number a line; what follows it is the sentence that says why it is kept.
std::vector<std::uint64_t> read_seeds(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read the file of seeds " + path);
  std::vector<std::uint64_t> seeds;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') seeds.push_back(std::stoull(line));
  }
  return seeds;
}

class Runner {
 public:
  explicit Runner(const Wishes& wishes) : wishes_(wishes) {}

  bool run(std::uint64_t seed) {
    RunOptions options;
    options.length = seconds(wishes_.length_seconds);
    options.storm = seconds(wishes_.storm_seconds);
    if (wishes_.is_verbose) options.listener = print_line;
    auto report = run_seed(seed, options);
    const bool again =
        wishes_.replay_twice > 0 && seed % 100 < static_cast<std::uint64_t>(wishes_.replay_twice);
    if (again && !report.failure) {
      options.listener = nullptr;
      ++summary_.replayed;
      if (run_seed(seed, options).digest != report.digest) {
        report.failure = "D1: the same seed went another way the second time";
      }
    }
    summary_.add(report);
    if (report.failure) {
      failed_.push_back(seed);
      std::printf("FAILED %s\nseed %llu commit %s\n", report.failure->c_str(),
                  static_cast<unsigned long long>(seed), PGHERD_COMMIT);
      std::fflush(stdout);
    }
    return !report.failure;
  }

  [[nodiscard]] const Summary& summary() const { return summary_; }
  [[nodiscard]] const std::vector<std::uint64_t>& failed() const { return failed_; }

 private:
  const Wishes& wishes_;
  Summary summary_;
  std::vector<std::uint64_t> failed_;
};

// Both sides of the first line that is not the same.
std::string first_difference(const std::string& expected, const std::string& had) {
  std::istringstream left(expected);
  std::istringstream right(had);
  for (std::string a, b;;) {
    const bool has_left = static_cast<bool>(std::getline(left, a));
    const bool has_right = static_cast<bool>(std::getline(right, b));
    if (!has_left && !has_right) return "";
    if (has_left != has_right || a != b) {
      return "  expected: " + (has_left ? a : "(the end)") +
             "\n  happened: " + (has_right ? b : "(the end)");
    }
  }
}

std::vector<std::uint64_t> seeds_of(const Wishes& wishes) {
  if (wishes.one) return {*wishes.one};
  if (!wishes.seeds_file.empty()) return read_seeds(wishes.seeds_file);
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t i = 0; i < wishes.seeds; ++i) {
    seeds.push_back(wishes.first + i);
  }
  return seeds;
}

int run_seeds(const Wishes& wishes) {
  Runner runner(wishes);
  const auto began = std::chrono::steady_clock::now();
  for (const auto seed : seeds_of(wishes)) {
    if (!runner.run(seed) && wishes.stops_at_failure) break;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << to_text(runner.summary(), took.count());
  const auto failed = runner.failed().size();
  std::cout << runner.summary().runs - failed << " passed, " << failed << " failed" << std::endl;
  if (failed > 0) {
    std::cout << "seed " << runner.failed().back() << " commit " << PGHERD_COMMIT << std::endl;
  }
  return failed == 0 ? 0 : 1;
}

// 0: what happens is what the file expects.
bool run_scenario(const std::string& path, bool rewrites) {
  const auto result = play_scenario(path);
  for (const auto& failure : result.failures) {
    std::cout << "FAILED " << path << ": " << failure << std::endl;
  }
  if (!result.failures.empty()) {
    std::cout << result.log;
    return false;
  }
  if (result.log == result.expected) return true;
  if (rewrites) {
    rewrite_scenario(path, result);
    std::cout << "rewritten: " << path << std::endl;
    return true;
  }
  std::cout << "FAILED " << path
            << ": the log differs from the expected one; look at it, and if it is right, "
            << "write it down with --rewrite\n"
            << first_difference(result.expected, result.log) << std::endl;
  return false;
}

int run_scenarios(const Wishes& wishes) {
  std::size_t failed = 0;
  for (const auto& path : wishes.scenarios) {
    if (!run_scenario(path, wishes.rewrites)) ++failed;
  }
  std::cout << wishes.scenarios.size() - failed << " passed, " << failed << " failed" << std::endl;
  return failed == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
  CLI::App app("Runs the herd in an invented world and judges it");
  Wishes wishes;
  app.add_option("--seeds", wishes.seeds, "how many seeds to run")->capture_default_str();
  app.add_option("--first", wishes.first, "the first of them")->capture_default_str();
  app.add_option("--seed", wishes.one, "only this seed");
  app.add_option("--seeds-file", wishes.seeds_file, "the seeds of this file, one a line");
  app.add_option("--replay-twice", wishes.replay_twice,
                 "per cent of the seeds that are run twice and must end the same")
      ->capture_default_str();
  app.add_option("--length", wishes.length_seconds, "virtual seconds of a schedule, at least")
      ->capture_default_str();
  app.add_option("--storm", wishes.storm_seconds,
                 "virtual seconds of each storm of faults (0: drawn by the seed)")
      ->capture_default_str();
  app.add_flag("-v,--verbose", wishes.is_verbose, "tell the story line by line");
  app.add_flag("--stop", wishes.stops_at_failure, "stop at the first failure");
  app.add_option("--scenario", wishes.scenarios, "play these scenario files instead of seeds");
  app.add_flag("--rewrite", wishes.rewrites, "write the log that was had into the scenario files");
  CLI11_PARSE(app, argc, argv);
  return wishes.scenarios.empty() ? run_seeds(wishes) : run_scenarios(wishes);
}

}  // namespace
}  // namespace pgherd::sim

int main(int argc, char** argv) {
  try {
    return pgherd::sim::run(argc, argv);
  } catch (const std::exception& problem) {
    std::cerr << "pgherd-sim: " << problem.what() << std::endl;
    return 2;
  }
}
