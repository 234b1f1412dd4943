// Identity: what a node's own configuration says of it, as far as decisions and REST look at it.
#pragma once

#include <string>

#include "base/instant.h"
#include "model/ids.h"
#include "model/member.h"
#include "model/settings.h"
#include "model/watchdog_view.h"

namespace pgherd {

// Who I am; fixed while the local configuration is not reloaded.
struct Identity {
  NodeName name;
  Tags tags;
  std::string conn_url;
  std::string api_url;
  std::string proxy_url;
  Tags released_tags;          // what is published instead while this node is not to be synchronous
  std::string version;         // dotted integers, at least 4.1: peers derive abilities from it
  bool may_bootstrap = false;  // the configuration has a `bootstrap` section
  bool bootstraps_by_command = false;  // bootstrap.method names one, instead of initdb
  // A command of the operator's makes a copy out of a backup, whether somebody leads or not.
  bool may_copy_without_leader = false;
  std::string bootstrap_config;  // JSON for `/config` of a cluster that I bootstrap
  LocalOverrides overrides;      // of settings in `/config`
  std::string configuration;     // generation of everything that goes into PostgreSQL's files
  WatchdogMode watchdog_mode = WatchdogMode::Off;
  Milliseconds watchdog_margin = 5s;  // how long before the end of the lease it resets; < 0: ttl/2
  bool operator==(const Identity&) const = default;
};

}  // namespace pgherd
