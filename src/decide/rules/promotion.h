// K: the leader key is mine, and PostgreSQL is to become the primary.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// K4. Nothing else on the key of the request may be under way.
void clear_served_request(Draft& draft);
// E15 once more. True: the promotion waits.
[[nodiscard]] bool waits_for_promise(Draft& draft);
// K3, K6 for a server that still runs. True: settled, nothing is promoted now.
[[nodiscard]] bool settle_refused_promotion(Draft& draft);
// Claims the new timeline (K5) and then promotes (K2), when synchronous replication is prepared.
void promote(Draft& draft, bool is_prepared);

}  // namespace pgherd
