// What is known of the local history beside the leader's.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// The verdict about the present leader on its present timeline, or nullptr if there is no usable
// one.
[[nodiscard]] const DivergenceSeen* verdict_on_leader(const Draft& draft);

}  // namespace pgherd
