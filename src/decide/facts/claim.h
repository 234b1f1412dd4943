// The claim on `/initialize`: who makes the cluster, and whose the data are that lie here.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// `/initialize` is this node's claim, under its present lease. The key of a new cluster comes with
// FinishInitialize: until then there is nobody to give way to.
[[nodiscard]] bool is_bootstrapping(const Draft& draft);
// The cluster that was made here is not the one that the store knows or is about to know. Not so
// when the key has this node's own identifier: then the keys were written, and only the answer was
// lost (sim seed 383).
[[nodiscard]] bool another_makes_the_cluster(const Draft& draft);

}  // namespace pgherd
