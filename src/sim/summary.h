// Summary: what many runs had in common, for people.
#pragma once

#include <iosfwd>
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
  std::vector<std::uint64_t> led_late;  // seeds in which nobody led in time after a storm
  std::vector<Duration> outages;
  std::vector<Duration> settle_times;
  std::map<std::string, std::uint64_t> rules;       // how often each rule was told of
  std::map<std::string, std::uint64_t> first_seed;  // in which it was
  std::map<Lane, int> most_steps;                   // of one agent within a second
  int most_wakes = 0;                               // by its clock, likewise
  std::vector<std::uint64_t> failed;                // seeds

  void add(std::uint64_t seed, const RunReport& report);
  void add(const Summary& other);
};

// For a worker process and the one that began it.
void write_summary(const Summary& summary, std::ostream& to);
[[nodiscard]] Summary read_summary(std::istream& from);

[[nodiscard]] std::string to_text(const Summary& summary, double seconds);

}  // namespace pgherd::sim
