// What `/failover` asks for.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// It names this node and is due: all that may be promoted in maintenance mode.
[[nodiscard]] bool is_named_candidate(const Draft& draft);
// It names this node whatever that lacks: a failover, not a switchover.
[[nodiscard]] bool is_forced_candidate(const Draft& draft);
// It is due, and nobody has led for less than ttl: after that it binds nobody (safety D1).
[[nodiscard]] bool request_binds_election(const Draft& draft);

}  // namespace pgherd
