// W4: asked right before PostgreSQL opens, and while it is open.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True: it may not be open, and what follows from that is planned.
[[nodiscard]] bool watchdog_keeps_closed(Draft& draft);

// The same for who opens without knowing yet that it leads (R8), whose watchdog W1 has not armed:
// it is armed, and true means that it is not yet.
[[nodiscard]] bool watchdog_is_to_be_armed_first(Draft& draft);

}  // namespace pgherd
