// A leader begins to give up its place: PostgreSQL stops, then the key is released (D6 to D8).
#pragma once

#include <optional>

#include "decide/draft.h"

namespace pgherd {

// `successor`: nobody else's receipt of the last record counts.
void begin_stepping_down(Draft& draft, DemoteMode mode, std::optional<NodeName> successor);

}  // namespace pgherd
