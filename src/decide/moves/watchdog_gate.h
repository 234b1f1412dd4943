// W4: asked right before PostgreSQL opens, and while it is open.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True: it may not be open, and what follows from that is planned.
[[nodiscard]] bool watchdog_keeps_closed(Draft& draft);

}  // namespace pgherd
