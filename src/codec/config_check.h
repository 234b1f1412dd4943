// All that is wrong with a local configuration at once, for `--validate-config`. Where load_config
// ends at the first mistake, this goes on with a stand-in for the value that is wrong or missing.
// Touches only the files of the configuration.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/config.h"

namespace pgherd {

struct CheckedConfig {
  LoadedConfig loaded;  // with stand-ins where keys are wrong
  // One line each, with file and line or the variable; empty: the configuration can be used.
  std::vector<std::string> problems;
  std::set<std::string> wrong_keys;  // "restapi.listen"; below them nothing is to be judged
  std::map<std::string, std::string> origins;  // of every key that is set: "patroni.yml:12"
  std::string effective_yaml;                  // file and variables as one document

  // Whether the key is set, and nothing was wrong with it.
  [[nodiscard]] bool has_good(const std::string& key) const;
  // "patroni.yml:12: restapi.listen", for a line about it.
  [[nodiscard]] std::string place_of(const std::string& key) const;
};

// `path` and `environment` as load_config's. Throws ConfigError when there is no document to look
// at: no such file, no YAML.
[[nodiscard]] CheckedConfig check_config(const std::string& path,
                                         const std::map<std::string, std::string>& environment);

}  // namespace pgherd
