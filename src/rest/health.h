// The health rules: which status code a load balancer, an orchestrator or a person gets for which
// path (Patroni, REST API). Pure: a NodeStatus in, a code out.
#pragma once

#include <string_view>

#include "rest/node_status.h"
#include "rest/query.h"

namespace pgherd {

// Whether `path` (a trailing slash is tolerated) is one of the health checks; "/" is.
[[nodiscard]] bool is_health_path(std::string_view path);

// 200, 503, or 400 when a filter cannot be understood: an unreadable lag limit must not pass as
// none. Paths that are no health check answer 503.
[[nodiscard]] int health_code(std::string_view path, const Query& query, const NodeStatus& status);

// Whether the agent's loop still turns.
[[nodiscard]] int liveness_code(const NodeStatus& status);

// Whether this node serves: leads, or replicates within `lag` (`mode`: apply or write).
[[nodiscard]] int readiness_code(const Query& query, const NodeStatus& status);

}  // namespace pgherd
