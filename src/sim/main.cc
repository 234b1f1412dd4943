// pgherd-sim: runs seeds and scenarios in the invented world. Exit code 0: all passed; 1: some
// failed; 2: the command line or a scenario cannot be understood.
#include <CLI/CLI.hpp>
#include <chrono>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/coverage.h"
#include "sim/runner.h"
#include "sim/scenario.h"

#ifndef PGHERD_COMMIT
#define PGHERD_COMMIT "unknown"
#endif

namespace pgherd::sim {
namespace {

struct ProgramTask {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::optional<std::uint64_t> one;
  RunnerTask runner;
  bool is_explained = false;
  double length_seconds = 600;
  double storm_seconds = 0;
  std::string seeds_file;
  std::string rules_file;
  std::vector<std::string> scenarios;
  bool rewrites = false;
};

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

std::vector<std::uint64_t> seeds_of(const ProgramTask& task) {
  if (task.one) return {*task.one};
  if (!task.seeds_file.empty()) return read_seeds(task.seeds_file);
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t i = 0; i < task.seeds; ++i) {
    seeds.push_back(task.first + i);
  }
  return seeds;
}

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

// True: what happens is what the file expects.
bool run_scenario(const std::string& path, const ScenarioResult& result, bool rewrites) {
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

// How many failed; where each rule was seen first goes into `rules`.
std::size_t run_scenarios(const ProgramTask& task, std::map<std::string, std::string>& rules) {
  std::size_t failed = 0;
  for (const auto& path : task.scenarios) {
    const auto result = play_scenario(path);
    if (!run_scenario(path, result, task.rewrites)) ++failed;
    for (const auto& rule : result.rules)
      rules.emplace(rule, path.substr(path.rfind('/') + 1));
  }
  std::cout << task.scenarios.size() - failed << " scenarios passed, " << failed << " failed"
            << std::endl;
  return failed;
}

// False: a rule was never seen, or is not in the catalogue.
bool print_coverage(const ProgramTask& task, const Summary& summary,
                    const std::map<std::string, std::string>& in_stories) {
  const auto coverage = cover(read_rule_ids(task.rules_file), summary, in_stories);
  std::cout << coverage.text;
  for (const auto& id : coverage.unseen)
    std::cout << "FAILED rule " << id << " was never seen at work: give it a scenario\n";
  for (const auto& id : coverage.unknown)
    std::cout << "FAILED rule " << id << " is not in " << task.rules_file << "\n";
  return coverage.unseen.empty() && coverage.unknown.empty();
}

Summary run_seeds(const ProgramTask& task) {
  const auto began = std::chrono::steady_clock::now();
  auto summary = run_all(task.runner);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << to_text(summary, took.count());
  std::cout << summary.runs - summary.failed.size() << " passed, " << summary.failed.size()
            << " failed" << std::endl;
  return summary;
}

void add_options(CLI::App& app, ProgramTask& task) {
  app.add_option("--seeds", task.seeds, "how many seeds to run")->capture_default_str();
  app.add_option("--first", task.first, "the first of them")->capture_default_str();
  app.add_option("--seed", task.one, "only this seed");
  app.add_option("--seeds-file", task.seeds_file, "the seeds of this file, one a line");
  app.add_option("--jobs", task.runner.jobs, "processes that share the seeds")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--replay-twice", task.runner.replay_twice,
                 "per cent of the seeds that are run twice and must end the same")
      ->capture_default_str();
  app.add_option("--length", task.length_seconds, "virtual seconds of a schedule, at least")
      ->capture_default_str();
  app.add_option("--storm", task.storm_seconds,
                 "virtual seconds of each storm of faults (0: drawn by the seed)")
      ->capture_default_str();
  app.add_flag("--check-rest", task.runner.options.checks_rest,
               "also make the decisions that agents at rest spare, and object when they differ");
  app.add_flag("-v,--verbose", task.runner.is_verbose, "tell what happens line by line");
  app.add_flag("--explain", task.is_explained,
               "with --seed: tell the story for an operator: what broke, who decided what and why, "
               "what clients saw");
  app.add_flag("--stop", task.runner.stops_at_failure, "stop at the first failure");
  app.add_option("--scenario", task.scenarios, "play these scenario files");
  app.add_flag("--rewrite", task.rewrites, "write the log that was had into the scenario files");
  app.add_option("--rules", task.rules_file,
                 "the catalogue of rules: say which were seen at work, fail if one was not");
}

int run(int argc, char** argv) {
  CLI::App app("Runs the herd in an invented world and judges it");
  ProgramTask task;
  add_options(app, task);
  CLI11_PARSE(app, argc, argv);
  task.runner.options.length = seconds(task.length_seconds);
  task.runner.options.storm = seconds(task.storm_seconds);
  task.runner.commit = PGHERD_COMMIT;
  if (task.is_explained) {
    if (!task.one) throw std::runtime_error("--explain needs --seed");
    return explain(*task.one, task.runner.options, PGHERD_COMMIT) ? 0 : 1;
  }
  bool has_failed = false;
  std::map<std::string, std::string> in_stories;
  if (!task.scenarios.empty()) has_failed = run_scenarios(task, in_stories) > 0;
  const bool runs_seeds = task.scenarios.empty() || app.count("--seeds") > 0;
  Summary summary;
  if (runs_seeds) {
    task.runner.seeds = seeds_of(task);
    summary = run_seeds(task);
    has_failed = has_failed || !summary.failed.empty();
  }
  if (!task.rules_file.empty() && !print_coverage(task, summary, in_stories)) has_failed = true;
  if (!summary.failed.empty()) {
    std::cout << "seed " << summary.failed.front() << " commit " << PGHERD_COMMIT << std::endl;
  }
  return has_failed ? 1 : 0;
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
