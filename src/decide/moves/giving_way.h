// Whoever has just stepped down or failed to lead leaves the field to others for a while.
#pragma once

#include "decide/draft.h"
#include "decide/facts/rivals.h"

namespace pgherd {

// How soon those who stand in the way are asked again.
inline constexpr Duration kNextRound = 500ms;

// E1 for a stopped former leader: true as long as it does not come back, for others could take its
// place; asks them where that is not known yet.
[[nodiscard]] bool leaves_the_field(Draft& draft);
// Asks whose answer is missing, or, after a refusal, is no longer new.
void ask_rivals(Draft& draft, const Targets& targets, bool is_refused);

}  // namespace pgherd
