// L: the session with the store.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// Always first: nothing waits in front of the lease.
void keep_session(Draft& draft);
// After all that could end what is under way.
void extend_act(Draft& draft);
// Last of all that could touch the key: what was released in vain, and is not to be any more.
void void_late_release(Draft& draft);

}  // namespace pgherd
