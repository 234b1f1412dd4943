// E: nobody leads.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void run_for_leader(Draft& draft);

}  // namespace pgherd
