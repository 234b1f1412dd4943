// Q: who must have a commit before it is acknowledged, and who may be elected.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// On the leader.
void keep_synchronous(Draft& draft);
// Whether this standby may be promoted as far as that goes; else the next operation is planned.
[[nodiscard]] bool prepare_synchronous(Draft& draft);
// Q10 on a standby of another leader.
void forget_synchronous(Draft& draft);

}  // namespace pgherd
