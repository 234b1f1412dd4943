// Whether an agent may rest. After an event that looks as if it changed nothing it makes no new
// decision (Agent::has_rested), which is right only as long as every rule that looks at the time
// has said when it wants to be heard (Draft::wake). Here the decision is made all the same.
#pragma once

#include <string>

#include "agent/agent.h"

namespace pgherd::sim {

// What a decision at `now` would start, order or say that the last one does not; empty: nothing.
[[nodiscard]] std::string overlooked_at_rest(const Agent& agent, Instant now);

}  // namespace pgherd::sim
