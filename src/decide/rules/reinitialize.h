// N: an operator wants a fresh copy.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True: settled.
[[nodiscard]] bool reinitialize(Draft& draft);
[[nodiscard]] bool end_act_for_reinitialize(Draft& draft);

}  // namespace pgherd
