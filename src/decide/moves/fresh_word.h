// Before PostgreSQL is opened in maintenance mode, in which nobody is held to a lease afterwards.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// The store has been heard once more since this was first asked, in decisions that follow one
// another: an agent whose machine was suspended, or that is cut off, does not know yet that
// maintenance mode is over and another leads (sim seeds 270054990, 350120776, 380071474). False: it
// is waited for, and said so.
[[nodiscard]] bool store_says_so_still(Draft& draft);

}  // namespace pgherd
