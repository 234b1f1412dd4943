// PATCH and PUT of the dynamic configuration (Patroni, REST API). Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/cluster_view.h"
#include "rest/requests.h"

namespace pgherd {

struct ConfigChange {
  std::string json;  // the whole new configuration, compact, as it is stored
  bool has_changed = false;
};

// Merges: null removes a key, an object goes into an object, everything else replaces if it is
// spelled differently. Refuses what no agent could read, unless the stored one was unreadable
// before.
[[nodiscard]] Result<ConfigChange, Refusal> patched_config(const ConfigKey& stored,
                                                           std::string_view body);
[[nodiscard]] Result<ConfigChange, Refusal> replaced_config(const ConfigKey& stored,
                                                            std::string_view body);

}  // namespace pgherd
