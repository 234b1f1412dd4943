// S: a request in `/failover`, seen by the leader.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// True: it is being carried out.
[[nodiscard]] bool handle_failover_request(Draft& draft);

}  // namespace pgherd
