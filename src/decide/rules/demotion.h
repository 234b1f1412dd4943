// D: a primary that may not be one, and a leader that steps down.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// D1 to D5, D9: a primary that may not be one. True: settled.
[[nodiscard]] bool demote_what_may_not_lead(Draft& draft);
// D6 to D8: a leader that gives up its place. True: settled.
[[nodiscard]] bool step_down(Draft& draft);

}  // namespace pgherd
