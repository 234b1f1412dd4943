// R: PostgreSQL is not running, or not yet.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// R7 for a start that is under way. True: it is being ended.
[[nodiscard]] bool limit_start(Draft& draft);
// True: PostgreSQL is on its way up or down, or unknown.
[[nodiscard]] bool wait_for_start(Draft& draft);
// True: PostgreSQL is down, and all that can be done about it now is planned.
[[nodiscard]] bool recover(Draft& draft);
// What can be done for a primary that the silence of the store has stopped.
void serve_reads_without_store(Draft& draft);

}  // namespace pgherd
