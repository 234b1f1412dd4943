// What can be said of the watchdog before it is asked.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// After how long without being fed it resets the machine: safety_margin before the lease can end.
[[nodiscard]] Milliseconds watchdog_timeout(const Draft& draft);
// It is required, not in maintenance mode, and not armed: nothing may open for writes.
[[nodiscard]] bool lacks_required_watchdog(const Draft& draft);
// It is required, and it cannot be used.
[[nodiscard]] bool watchdog_is_unfit(const Draft& draft);

}  // namespace pgherd
