// U1, U2, U7: replication slots.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void keep_slots(Draft& draft);

}  // namespace pgherd
