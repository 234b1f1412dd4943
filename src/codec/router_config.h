// The configuration of a router: the sections scope, namespace, etcd3 and log as an agent's, and
// the section `router`. A file may hold an agent's sections as well: they are not looked at.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/router_config.h"

namespace pgherd {

struct LoadedRouterConfig {
  RouterConfig config;
  std::vector<std::string> warnings;  // one line each, for the log
};

// `path` and `environment` as for load_config (codec/config.h). Throws ConfigError: file and line,
// the key, its value, what is allowed; also for a key in `router` that there is not.
[[nodiscard]] LoadedRouterConfig load_router_config(
    const std::string& path, const std::map<std::string, std::string>& environment);

}  // namespace pgherd
