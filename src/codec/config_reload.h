// What of a changed configuration counts at a reload, and what only when the agent is started again
// (docs/configuration.md, the column "read"). Values only; usable from any thread.
#pragma once

#include <string>
#include <vector>

#include "model/agent_config.h"

namespace pgherd {

// The keys by which it is the configuration of another agent, which no reload may make of this one;
// empty if it is not.
[[nodiscard]] std::vector<std::string> keys_of_another_agent(const AgentConfig& before,
                                                             const AgentConfig& after);

// What has changed and stays as it was until the agent is started again, in words for the log.
[[nodiscard]] std::vector<std::string> what_needs_a_start(const AgentConfig& before,
                                                          const AgentConfig& after);

}  // namespace pgherd
