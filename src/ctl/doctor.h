// What `doctor` knows of a cluster, for whoever else has to know whether it is well.
#pragma once

#include <vector>

#include "ctl/context.h"
#include "ctl/diagnosis.h"

namespace pgherd::ctl {

// Asks each member; one that hangs is a finding after 5 s.
[[nodiscard]] std::vector<Finding> examine(CtlContext& context, const Cluster& cluster,
                                           Extent extent = Extent::Cluster);

}  // namespace pgherd::ctl
