// What members promise to a leader without the store, and until when it may count on it (failsafe
// mode).
#pragma once

#include <string>

#include "decide/draft.h"

namespace pgherd {

// What this node has promised to somebody else and must keep, or nullptr.
[[nodiscard]] const FailsafePromise* promise_in_force(const Draft& draft);
// Until when this node is a primary without the store that all have accepted, or has accepted one;
// the beginning of time: neither.
[[nodiscard]] Instant end_of_failsafe(const Observation& seen);
// Only a running primary leads without the store.
[[nodiscard]] bool is_seen_not_to_lead(const PeerView& peer);

}  // namespace pgherd
