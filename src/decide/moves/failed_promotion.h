// K3 and K6: what follows from a promotion that has failed.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// No archive is to blame for a script that said no.
[[nodiscard]] bool may_leave_out_archive(const Draft& draft);
// K3 a promotion that failed, or that pre_promote has refused, gives the key back for ttl, so that
// others get their turn. Plans no release yet.
void give_up_promotion(Draft& draft);
// For a server that has ended by its promotion. True: settled.
[[nodiscard]] bool settle_failed_promotion(Draft& draft);

}  // namespace pgherd
