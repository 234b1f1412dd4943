// X: the agent was asked to leave.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True: settled. False also while this leader is stepping down, which comes first.
[[nodiscard]] bool leave(Draft& draft);

}  // namespace pgherd
