// W1 to W3: the machine's watchdog. W4 is moves/watchdog_gate.h.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void keep_watchdog(Draft& draft);

}  // namespace pgherd
