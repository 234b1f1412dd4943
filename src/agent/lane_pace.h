// LanePace: keeps the agent from doing the same in vain as fast as the machine can. It is told of
// every step that starts and ends, and says which lanes take none for a moment:
//
// - after a step that failed (a write that the store refused or did not answer, a slot that could
//   not be made): 100 ms, twice as long after each further failure, up to a limit. What made it
//   fail has not changed a microsecond later, and each attempt is a request and a line in the log;
// - a lane that has started kMostSteps within a second has run away: some rule plans again what has
//   just been done. It starts one step every 250 ms until it has been calm for a second. Nothing
//   that is meant to happen comes near that (the simulator objects to half of it).
//
// Which lanes may be held back:
//
// - never the lease: L3 has a gap of its own that no rule can forget, and a renewal that is late
//   ends in a demotion;
// - never an act that closes PostgreSQL (Demote, Stop), nor an operator's Restart, which is planned
//   only once; nor the guardian's orders, which are no steps. Other acts on PostgreSQL have their
//   own pause after a failure (retry_act_at), and are held only when they run away: opening it, or
//   copying, 250 ms later is never unsafe;
// - every other lane. None of them is what keeps two from writing: a promise about synchronous
//   standbys or the leader key that is given later is given under the same guards, and decide sees
//   the lane as taken, so it remembers nothing as done. Their limit is half a second, well within
//   what an election may cost anyway. Feeding the watchdog or a round of failsafe can be late by
//   250 ms at most, less than a slow answer of the store would make it.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "base/instant.h"
#include "steps/step.h"

namespace pgherd {

class LanePace {
 public:
  static constexpr int kMostSteps = 40;
  static constexpr Duration kStep = 250ms;  // of a lane that has run away

  void started(Lane lane, Instant now);
  void ended(Lane lane, bool has_failed, Instant now);

  // Until when a lane takes no step; only those that do not now.
  [[nodiscard]] std::map<Lane, Instant> resting(Instant now) const;
  [[nodiscard]] std::set<Lane> run_away(Instant now) const;

 private:
  struct Pace {
    std::deque<Instant> starts;  // of the last second
    bool has_run_away = false;
    int failures = 0;  // in a row
    Instant failed_at;
    Instant rests_until;
  };
  std::map<Lane, Pace> lanes_;
};

}  // namespace pgherd
