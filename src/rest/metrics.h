// GET /metrics: the node's state in Prometheus' text format 0.0.4 (Patroni, REST API). Pure.
// Patroni's names and their order are kept for the dashboards that exist; own ones come after them.
#pragma once

#include <string>

#include "rest/node_status.h"

namespace pgherd {

[[nodiscard]] std::string metrics_text(const NodeStatus& status);

}  // namespace pgherd
