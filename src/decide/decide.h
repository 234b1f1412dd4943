// decide: given what is seen and remembered, say what should be under way now, and why. A pure
// function: no clock, I/O, threads, logging or dice; the same values give the same answer, in the
// agent, in the simulator and in a replay. The catalogue of rules is docs/rules.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/shared.h"
#include "decide/memory.h"
#include "decide/observation.h"
#include "steps/plan.h"

namespace pgherd {

struct Decision {
  Plan plan;
  Memory memory;
  // To be told to the guardian before the plan is carried out, if it is another one than before.
  FenceOrder fence;
  std::vector<Reason> reasons;
  // When to think again at the latest, if nothing happens before.
  Instant wake_at;
  // At rest: until `wake_at`, and as long as the store and PostgreSQL look the same, nothing is to
  // be done but to look at PostgreSQL this often. Zero: not at rest.
  Duration look_every{};
  // A rule waits for a sign of life of the store, which else changes no rule's mind.
  bool awaits_store = false;
  // The cycle's one-line summary in Patroni's words ("no action. I am (pg0), the leader with the
  // lock").
  std::string summary;
  // Whether `/leader` is mine by a confirmation that has not run out: what REST shows as leader.
  bool is_leader = false;
  // What this node is to say of itself, in the store and by REST, whether or not it can be
  // published.
  Member own_member;
  // The watchdog is required and cannot be used: others must not count on this node.
  bool watchdog_failed = false;
  // As PromotionMemory::failures: whoever knows does not wait for this node.
  int failed_promotions = 0;
  bool operator==(const Decision&) const = default;
};

// From when the time of a leader counts: the sending of the last renewal, or of the last failsafe
// round that all accepted.
[[nodiscard]] Instant leads_since(const Observation& seen);
// Whether this node may promise a primary without the store not to take its place. The answer and
// the promise are one: it is given at the moment it is asked for. `why_not` for the log.
[[nodiscard]] bool may_promise(const Observation& seen, const FailsafePing& ping,
                               std::string& why_not);
// The promise that is given then: for the longer of both ttls, and never shorter than one before.
[[nodiscard]] FailsafePromise promise_to(const Observation& seen, const FailsafePing& ping,
                                         Instant now);
// For REST: this node is a primary without the store that all have accepted, or has accepted one.
[[nodiscard]] bool failsafe_is_active(const Observation& seen, Instant now);

[[nodiscard]] Decision decide(const Observation& seen, const Memory& remembered, Instant now);

}  // namespace pgherd
