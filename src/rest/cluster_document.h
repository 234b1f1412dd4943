// The cluster as one JSON object (Patroni utils.py cluster_as_json): the answer of GET /cluster,
// and what the ctl tool's tables are made of. Pure; key order is part of the contract.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/cluster_view.h"

namespace pgherd {

[[nodiscard]] nlohmann::ordered_json cluster_document(const ClusterView& cluster,
                                                      const std::string& scope);

// GET /history: [timeline, lsn, reason, timestamp, new leader] per row; what is unknown at the end
// of a row is left off.
[[nodiscard]] nlohmann::ordered_json history_document(const ClusterView& cluster);

}  // namespace pgherd
