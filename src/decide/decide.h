// decide: given what is seen and remembered, say what should be under way now, and why. A pure
// function: no clock, I/O, threads, logging or dice; the same values give the same answer, in the
// agent, in the simulator and in a replay. The catalogue of rules is docs/rules.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "decide/observation.h"
#include "decide/plan.h"

namespace pgherd {

// What cannot be seen again.
struct Memory {
  // Since when the store says that nobody leads; reset when somebody does.
  std::optional<Instant> unlocked_since;
  // Members of the last picture that had a leader: their keys may expire together with the leader's.
  std::map<NodeName, Member> last_known_members;
  NodeName last_leader;
  // This agent has seen its PostgreSQL run as a primary, and has not demoted it since: a crash may be
  // repaired in place, on the same timeline.
  bool was_primary = false;
  std::optional<Instant> down_since;  // of a PostgreSQL that should run
  int failed_acts = 0;                // in a row, on the instance lane
  Instant retry_act_at;
  // After a refused or failed attempt to lead: not again before this.
  Instant lead_again_at;
  // A demotion that is to end with the release of the key.
  bool is_stepping_down = false;
  std::optional<NodeName> stepping_down_for;
  bool rewind_failed = false;  // since the last change of leader
  bool checkpoint_is_due = false;
  std::string applied_configuration;
  bool operator==(const Memory&) const = default;
};

struct Decision {
  Plan plan;
  Memory memory;
  std::vector<Reason> reasons;
  // When to think again at the latest, if nothing happens before.
  Instant wake_at;
  // The cycle's one-line summary in Patroni's words ("no action. I am (pg0), the leader with the lock").
  std::string summary;
  // Whether `/leader` is mine by a confirmation that has not run out: what REST shows as leader.
  bool is_leader = false;
  bool operator==(const Decision&) const = default;
};

[[nodiscard]] Decision decide(const Observation& seen, const Memory& remembered, Instant now);

}  // namespace pgherd
