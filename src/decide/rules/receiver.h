// F8: the WAL receiver is told that its upstream is there again.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void wake_receiver(Draft& draft, const Upstream& upstream);

}  // namespace pgherd
