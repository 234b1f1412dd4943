// The header in which a node says who it is where the body has no place for it: `Accepted` in
// answer to POST /failsafe is all that Patroni understands. Its value: {"scope": "...", "name":
// "..."} with non-ASCII escaped. For this room only.
#pragma once

namespace pgherd {

inline constexpr const char* kMemberHeader = "pgherd-member";

}  // namespace pgherd
