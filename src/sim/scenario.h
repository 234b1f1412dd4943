// Scenario: a story that a person can read, played in the invented world with fixed delays. The
// file holds commands, a line of four dashes, and the log that is expected. All commands:
// tests/scenarios/README.md.
//
//   cluster a b c                      a formed cluster, everything stopped; `new cluster a b c`:
//   empty config {"ttl":10}                  the dynamic configuration, before `cluster` start all
//   agents at 10s kill postmaster a           runs until then and does it; `until 10s` only runs
//   expect leader b within 8s          runs until it is so; fails if it is not by then
#pragma once

#include <string>
#include <vector>

namespace pgherd::sim {

struct ScenarioResult {
  std::string commands;               // the part of the file before the dashes
  std::string expected;               // the part after them
  std::string log;                    // what happened
  std::vector<std::string> rules;     // that were told of
  std::vector<std::string> failures;  // expectations that were not met, and what the referee saw
};

// Throws std::runtime_error on a file that cannot be read or a command that cannot be understood;
// the message names file and line.
[[nodiscard]] ScenarioResult play_scenario(const std::string& path);

// Writes the file again with the log that was had.
void rewrite_scenario(const std::string& path, const ScenarioResult& result);

}  // namespace pgherd::sim
