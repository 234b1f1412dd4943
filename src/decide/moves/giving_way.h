// Whoever has just stepped down or failed to lead leaves the field to others for a while.
#pragma once

#include <optional>

#include "decide/draft.h"
#include "decide/facts/rivals.h"

namespace pgherd {

// How soon those who stand in the way are asked again.
inline constexpr Duration kNextRound = 500ms;

// E1 for a stopped former leader: true as long as it does not come back, for others could take its
// place; asks them where that is not known yet.
[[nodiscard]] bool leaves_the_field(Draft& draft);
// After a refusal; nullopt where nobody has refused.
[[nodiscard]] std::optional<Duration> next_round_after(const Verdict& verdict);
// Asks whose answer is missing, or, with `again_after`, was asked for as long ago.
void ask_rivals(Draft& draft, const Targets& targets, std::optional<Duration> again_after);

}  // namespace pgherd
