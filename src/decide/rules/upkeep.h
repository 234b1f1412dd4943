// U: checkpoint after a promotion, configuration, operator's restarts, and when PostgreSQL is
// looked at.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void resume_replay(Draft& draft);               // U5
void serve_restart(Draft& draft);               // U6
void serve_scheduled_restart(Draft& draft);     // U8
void apply_configuration(Draft& draft);         // U4
void checkpoint_after_promotion(Draft& draft);  // U3
// When PostgreSQL is looked at next. The last of all: it knows what the others have planned.
void look_at_instance(Draft& draft);

}  // namespace pgherd
