// F: somebody else leads, and PostgreSQL runs as a standby.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void say_follows(Draft& draft);
// F1. True: it is not pointed there yet.
[[nodiscard]] bool point_at(Draft& draft, const Upstream& wanted);
// What ends when this standby streams.
void note_stream(Draft& draft);
// F2.
void doubt_history(Draft& draft, const Upstream& wanted);
// F7: what is compared with a leader that is gone. True: it is being ended.
[[nodiscard]] bool end_examination(Draft& draft);

}  // namespace pgherd
