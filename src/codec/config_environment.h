// `PATRONI_*` variables as a configuration tree (Patroni, ENVIRONMENT). For the codec room only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codec/yaml_tree.h"

namespace pgherd {

struct EnvironmentTree {
  YamlNode root;      // a map, maybe empty; origins are "variable PATRONI_NAME"
  YamlNode fallback;  // a map, maybe empty: PGDATA and the like, which count below everything else
  std::vector<std::string> unknown;  // names of PATRONI_* variables that mean nothing
};

// Throws ConfigError when a `_FILE` variable names a file that cannot be read or is empty, or a
// variable that
// holds YAML is none.
[[nodiscard]] EnvironmentTree read_environment(
    const std::map<std::string, std::string>& environment);

struct EnvironmentVariable {
  std::string name;  // whole: "PATRONI_SCOPE"; `<name>_FILE` names a file that holds the value
  std::string path;  // the key that it sets
  bool is_patronis = true;   // Patroni knows it, too
  bool is_fallback = false;  // counts only where neither file nor other variable sets the key
};
// All that are read, of those for the same key the strongest last.
[[nodiscard]] std::vector<EnvironmentVariable> environment_variables();

// The variable that sets the key of this path ("scope" -> "PATRONI_SCOPE"), "" when there is none.
[[nodiscard]] std::string variable_for(std::string_view path);

}  // namespace pgherd
