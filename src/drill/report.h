// What a drill has shown, and how that is told: lines for people, JSON for programs, metrics for
// node_exporter's textfile collector. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"

namespace pgherd::drill {

struct Phase {
  Duration after{};  // the fault
  std::string what;
};

struct Report {
  std::string drill;  // "failover", ...
  std::string cluster;
  WallTime began;
  std::vector<Phase> phases;          // in the order of time
  std::optional<Duration> outage;     // as a client saw it; absent: it is not known
  Duration allowed{};                 // the longest outage that passes
  std::int64_t acknowledged = 0;      // rows
  std::int64_t unknown = 0;           // rows
  std::optional<std::int64_t> lost;   // acknowledged rows; absent: could not be counted
  bool may_lose = false;              // asynchronous: the cluster promises less
  std::vector<std::string> failures;  // why it did not pass, each a sentence

  [[nodiscard]] bool has_passed() const { return failures.empty(); }
};

// Adds what is wrong with outage and rows to `failures`. Once, when all is known.
void judge(Report& report);

[[nodiscard]] std::vector<std::string> lines_of(const Report& report);
[[nodiscard]] std::string json_of(const Report& report);
[[nodiscard]] std::string metrics_of(const Report& report, WallTime ended);

}  // namespace pgherd::drill
