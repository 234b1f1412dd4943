// Settings that stand in an included file, in postgresql.auto.conf or in a file of a role and have
// no effect, since the agent gives the same parameter to the server itself: max_connections,
// wal_level, port, ... Whoever wrote them is told where they count. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/agent_config.h"
#include "postgres/local/server_settings.h"
#include "postgres/local/session.h"

namespace pgherd {

// For each parameter the last of its lines that is not in the agent's own postgresql.conf.
[[nodiscard]] std::string written_settings_query();

// A line for each controlled parameter that has another value in `answer`, the result of that
// query, than in `wanted`, which holds what the agent sets. `config`: whose files they are.
[[nodiscard]] std::vector<std::string> overridden_settings(const Rows& answer,
                                                           const ParameterMap& wanted,
                                                           const PostgresConfig& config);

}  // namespace pgherd
