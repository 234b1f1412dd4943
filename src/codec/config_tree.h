// The step from a merged tree to a configuration. For the codec room only.
#pragma once

#include <map>
#include <string>

#include "codec/config.h"
#include "codec/config_sources.h"

namespace pgherd {

// As load_config, of what read_config_sources has made.
[[nodiscard]] LoadedConfig load_config_tree(const ConfigSources& sources,
                                            const std::map<std::string, std::string>& environment,
                                            ConfigUse use);

}  // namespace pgherd
