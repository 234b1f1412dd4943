// Where a configuration comes from, merged into one tree: file or directory, `PATRONI_*` variables
// over it, fallbacks below. For the codec room only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codec/config_reader.h"
#include "codec/yaml_tree.h"

namespace pgherd {

struct ConfigSources {
  YamlNode root;
  std::string name;  // what errors about missing keys call it
  std::vector<std::string> unknown_variables;
  std::vector<std::string> remarks;  // on keys that are written twice; one line each
};

// As load_config says (codec/config.h). Throws ConfigError.
[[nodiscard]] ConfigSources read_config_sources(
    const std::string& path, const std::map<std::string, std::string>& environment);

// The key `namespace` without slashes around it.
[[nodiscard]] std::string read_namespace(const Section& root, const std::string& otherwise);

}  // namespace pgherd
