// The local history has left the leader's, or may have: compare, rewind, copy afresh, or say what a
// person must do.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// Plans the comparison, if the last one is not too recent. `known`: the verdict that does not help.
void compare_histories(Draft& draft, const Upstream& source, const DivergenceSeen* known);
// PostgreSQL is down here, and somebody else leads.
void repair_divergence(Draft& draft);

}  // namespace pgherd
