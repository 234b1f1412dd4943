// What has happened since the last decision. Internal to this room.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// Before any rule.
void remember(Draft& draft);

}  // namespace pgherd
