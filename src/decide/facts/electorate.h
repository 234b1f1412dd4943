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

// This node led last, as far as `/sync` and `/timeline` can tell: `/sync` names it as its leader,
// or it was elected, began its timeline and closed again before it came to write itself there (sim
// seed 300004714). It has whatever was acknowledged, whoever else was listed: nobody has begun a
// newer timeline, and a leader of Patroni's, which knows no `/timeline`, writes `/sync` before it
// opens.
[[nodiscard]] bool has_led_last(const Draft& draft);

// The newest timeline of `/history`, as far as it counts against this node. Of one that `/sync`
// lists those do not count that a leader began whom an operator had forced past `/sync`, and who
// has not come to be named there: its commits waited for the listed ones (Q4), so nothing that was
// acknowledged is on them alone (sim seed 220116695).
[[nodiscard]] Timeline newest_timeline_for_me(const Draft& draft);

}  // namespace pgherd
