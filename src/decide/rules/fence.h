// G2 to G5: what the guardian is told.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// After all that could open PostgreSQL is planned.
void order_fence(Draft& draft);

}  // namespace pgherd
