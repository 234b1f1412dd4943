// The local configuration of an agent or of ctl: Patroni's YAML file, `PATRONI_*` variables over
// it, defaults below (Patroni, YAML Configuration). Read on the thread that calls; touches only the
// files named.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "model/agent_config.h"
#include "model/settings.h"

namespace pgherd {

// A person's mistake. what() is one line for that person: the file and line or the variable, the
// key, its value, what is allowed.
class ConfigError : public std::runtime_error {
 public:
  // `key`: the path of the one that is wrong or missing ("restapi.listen"), "" where it is not one.
  explicit ConfigError(const std::string& text, std::string key = {})
      : std::runtime_error(text), key_(std::move(key)) {}
  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  std::string key_;
};

struct LoadedConfig {
  AgentConfig config;
  // From bootstrap.dcs; the defaults when there is none. In force until `/config` is read.
  Settings initial_settings;
  LocalOverrides overrides;
  // Keys and variables that mean nothing here, "restapi.lisen". They are ignored.
  std::vector<std::string> unknown_keys;
  // One line each, for the log; one of them names all unknown keys with the nearest right ones.
  std::vector<std::string> warnings;
};

enum class ConfigUse {
  Agent,  // what an agent cannot run without must be there
  Ctl,    // nothing must be there: the command line may say it
};

// `path`: a file, a directory (its *.yml and *.yaml in name order, later over earlier), or "" for
// the variable PATRONI_CONFIGURATION (then no other counts), else the variables alone.
// `environment` is everything the process has; a variable that is empty is absent.
// `<VARIABLE>_FILE` names a file that holds the value of any variable. `HOME` there is where the
// file of passwords lies that postgresql.pgpass does not name. Throws ConfigError, also for a path
// that does not exist, and for an agent's key that is not served where doing without could make
// other data, admit others or give another topology than asked (codec/config_not_served.h).
//
// Controlled PostgreSQL parameters in the local section are dropped with a warning: they come from
// `/config` (codec/postgres_settings.h merges it over config.postgresql).
[[nodiscard]] LoadedConfig load_config(const std::string& path,
                                       const std::map<std::string, std::string>& environment,
                                       ConfigUse use = ConfigUse::Agent);

}  // namespace pgherd
