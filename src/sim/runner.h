// Runner: many seeds, in one process or several, and what is said about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/summary.h"

namespace pgherd::sim {

struct RunnerTask {
  std::vector<std::uint64_t> seeds;
  RunOptions options;
  bool is_verbose = false;
  bool stops_at_failure = false;
  int replay_twice = 0;  // every so many percent of the seeds
  int jobs = 1;          // processes
  std::string commit;    // for the last line of a failing run
};

// Runs all seeds. A failing one is told of at once, with its last decisions in words.
[[nodiscard]] Summary run_all(const RunnerTask& task);

// The whole story of one seed for an operator: what broke, who decided what and why, who led, what
// clients saw. True: nothing was found wrong.
bool explain(std::uint64_t seed, const RunOptions& options, const std::string& commit);

}  // namespace pgherd::sim
