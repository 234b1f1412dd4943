// Summary: what many runs had in common, for people.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/run.h"

namespace pgherd::sim {

struct Summary {
  std::uint64_t runs = 0;
  std::uint64_t replayed = 0;
  std::uint64_t events = 0;
  Duration virtual_time{};
  std::map<FaultKind, int> faults;
  int promotions = 0;
  int clean_handovers = 0;
  int lossy_handovers = 0;
  int overtaken = 0;
  int fenced = 0;
  std::uint64_t attempts = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  std::uint64_t synchronous_writes = 0;
  std::uint64_t judged_promotions = 0;
  std::uint64_t runs_with_loss = 0;
  std::vector<Duration> outages;
  std::vector<Duration> settle_times;

  void add(const RunReport& report);
};

[[nodiscard]] std::string to_text(const Summary& summary, double seconds);

}  // namespace pgherd::sim
