// Routers whose sessions follow a change of the leader.
#pragma once

#include <string>

#include "decide/draft.h"

namespace pgherd {

// For no longer does anything wait for a router: it may hang.
inline constexpr Duration kRestLimit = 5s;

// One that has not said yet that its sessions are at rest for this request or announcement;
// nullptr: there is none.
[[nodiscard]] const std::string* router_in_motion(const Draft& draft, Revision announced);

}  // namespace pgherd
