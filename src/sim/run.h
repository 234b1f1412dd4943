// One seed, run and judged. A schedule is a chain of storms, in which one fault follows the other
// and nothing unsafe may happen, and calms, in which the herd must come to rest within a stated
// time (one primary, everybody follows) and stay at rest until the next storm. History is never
// reset: timelines, slots, claims and what agents remember grow from storm to storm.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/faults.h"
#include "sim/world.h"

namespace pgherd::sim {

struct RunOptions {
  Duration length = 600s;  // of a schedule, at least
  // Length of each of its storms; zero: drawn.
  Duration storm{};
  bool checks_rest = false;  // L6 is judged as well
  Story::Listener listener;  // of the story; empty: it is not told
};

struct RunReport {
  std::optional<std::string> failure;  // what the referee saw, or why the herd did not come to rest
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  Duration virtual_time{};
  std::vector<Duration> settle_times;  // from the end of each storm until rest
  // After a storm nobody accepted writes for longer than leader_bound(), nor was the leader in
  // crash recovery.
  bool was_led_late = false;
  std::map<FaultKind, int> faults;
  int promotions = 0;
  int clean_handovers = 0;
  int lossy_handovers = 0;
  int overtaken = 0;
  int fenced = 0;
  std::uint64_t attempts = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  std::uint64_t synchronous_writes = 0;  // acknowledged because a standby had them
  std::uint64_t judged_promotions = 0;   // in which none of those could be missing
  std::vector<Duration> outages;
  std::map<std::string, std::uint64_t> rules;  // how often each was told of
  std::map<Lane, int> most_steps;              // of one agent within a second
  int most_wakes = 0;                          // by its clock, of one agent within a second
};

// How long after the end of the faults the herd may take to be at rest: an old lease runs out, one
// election, one repair (rewind or copy, begun again twice).
[[nodiscard]] Duration settle_bound(Milliseconds ttl);
// How long, of that, until somebody accepts writes.
[[nodiscard]] Duration leader_bound(Milliseconds ttl);
// Promotions after the end of a storm: one that was due, one for a request that still stood, one
// for a node that came back in the middle of it.
inline constexpr int kMaxPromotionsAfterFaults = 3;

[[nodiscard]] RunReport run_seed(std::uint64_t seed, const RunOptions& options);

}  // namespace pgherd::sim
