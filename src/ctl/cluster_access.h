// How a command comes by its cluster: a configuration is read, the store and the members' REST APIs
// are made ready, and the command runs against them on a loop of its own.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ctl/context.h"
#include "model/agent_config.h"

namespace pgherd::ctl {

struct ClusterAccess {
  std::optional<std::string> config_file;  // absent: a person's own, if there is one
  std::optional<std::string> dcs_url;
  bool is_insecure = false;
  std::optional<TableStyle> table;
};

// What `act` answers. Throws CtlError (errors.h) when there is no usable configuration, and what
// `act` throws.
[[nodiscard]] int with_cluster(Console& console, const ClusterAccess& access,
                               const std::function<int(CtlContext&, const AgentConfig&)>& act);

}  // namespace pgherd::ctl
