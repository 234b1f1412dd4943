// B, I: identity of the data, making and joining a cluster.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True: settled.
[[nodiscard]] bool check_identity(Draft& draft);
[[nodiscard]] bool fill_empty_directory(Draft& draft);
// What this node has begun to make is shown, moved aside or given up (B2, B4, B9). True: it is.
[[nodiscard]] bool end_own_bootstrap(Draft& draft);
// I2 on its own.
void restore_lost_keys(Draft& draft);

}  // namespace pgherd
