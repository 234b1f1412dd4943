// Whether PostgreSQL accepts writes here, or may come to it by what is under way.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// It starts up, begun by an earlier life of the agent or by hand, and not as a standby: it will
// open for writes (sim seed 337652).
[[nodiscard]] bool comes_up_as_primary(const Draft& draft);
// What lies here, at rest, is a primary's by pg_control.
[[nodiscard]] bool was_primary(const ControlData& control);
// The timeline of data at rest: until the checkpoint after a promotion only the end-of-recovery
// mark shows the new one.
[[nodiscard]] Timeline timeline_at_rest(const ControlData& control);
// A stop of PostgreSQL, whichever, is under way.
[[nodiscard]] bool is_being_stopped(const Draft& draft);

}  // namespace pgherd
