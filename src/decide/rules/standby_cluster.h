// C: this cluster follows another one, and this node leads it.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// C2. True: settled.
[[nodiscard]] bool demote_for_remote_primary(Draft& draft);
// C1. True: it does not follow yet.
[[nodiscard]] bool point_at_remote_primary(Draft& draft);
// C3. It follows, and perhaps does not stream.
void compare_with_remote_primary(Draft& draft);

}  // namespace pgherd
