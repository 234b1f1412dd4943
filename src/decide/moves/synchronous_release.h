// Q9: a standby that commits wait for says so before it stops.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True when no leader waits for this node any more, or that took too long.
[[nodiscard]] bool is_released(Draft& draft);

}  // namespace pgherd
