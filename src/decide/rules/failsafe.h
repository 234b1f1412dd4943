// H: a leader without the store.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void keep_failsafe(Draft& draft);

}  // namespace pgherd
