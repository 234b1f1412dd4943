// S8: a primary that is about to stop by an operator's word says so first, where routers listen.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True: the stop waits for routers.
[[nodiscard]] bool routers_are_told_first(Draft& draft);
// Nothing is about to stop any more.
void withdraw_announcement(Draft& draft);

}  // namespace pgherd
