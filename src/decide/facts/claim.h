// The claim on `/initialize`: who makes the cluster, and whose the data are that lie here.
#pragma once

#include <string>

#include "decide/draft.h"

namespace pgherd {

// `/initialize` is this node's claim, under its present lease. The key of a new cluster comes with
// FinishInitialize: until then there is nobody to give way to.
[[nodiscard]] bool is_bootstrapping(const Draft& draft);
// The cluster that was made here is not the one that the store knows or is about to know. Not so
// when the key has this node's own identifier: then the keys were written, and only the answer was
// lost (sim seed 383).
[[nodiscard]] bool another_makes_the_cluster(const Draft& draft);
// A cluster is being made here, or has been, and the store does not know of it yet. While that is
// so another node may make it as well, as soon as the claim ends: nothing here may be left open
// without an agent.
[[nodiscard]] bool has_unfinished_cluster(const Draft& draft);

// The cluster exists and this node's data are its own: `/initialize` says so, or it is missing and
// said so when this agent saw it last. Whoever is elected then writes it again.
[[nodiscard]] bool is_of_known_cluster(const Draft& draft);
// Whose data the store speaks of though `/initialize` is missing: "'c' has data", "/sync names
// 'b'";
// "" if there is no trace of a cluster.
[[nodiscard]] std::string trace_of_cluster(const Draft& draft);

}  // namespace pgherd
