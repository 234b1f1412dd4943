// Who may be elected, and who has a say in it, by `/sync`.
#pragma once

#include "decide/draft.h"
#include "model/sync_names.h"

namespace pgherd {

[[nodiscard]] NameSet voters_of(const SyncKey& key);
// The mode is on and `/sync` is active.
[[nodiscard]] bool is_synchronous(const Draft& draft);
// `/sync` lists it, or names it as its leader.
[[nodiscard]] bool is_in_sync(const Draft& draft, const NodeName& name);
// An election counts votes. A key that was written in quorum mode binds by its votes until its
// leader has written another one.
[[nodiscard]] bool counts_votes(const Draft& draft);

}  // namespace pgherd
