// The operator's own ways to make a node, as sections that a person names: postgresql.<name>,
// bootstrap.<name>. For the codec room only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/config_reader.h"

namespace pgherd {

// Throws a ConfigError for what cannot be passed to a command, or is no boolean where one belongs.
[[nodiscard]] ReplicaMethod read_replica_method(const Section& section, const std::string& name);

// The method that bootstrap.method names; nothing where initdb makes the cluster, which it also
// does when there is no command of that name.
[[nodiscard]] std::optional<BootstrapMethod> read_bootstrap_method(
    const Section& bootstrap, std::vector<std::string>& warnings);

// The two lists of names and the sections. /config may name a section of the local file, so all
// that can be one are read. Throws for those that are named in `postgresql` or have a command.
void read_replica_methods(const Section& postgresql, PostgresConfig& config);

// What whoever wrote `names` should know about the methods. `key`: where the names stand.
[[nodiscard]] std::vector<std::string> remarks_on_methods(
    const std::vector<std::string>& names, const std::map<std::string, ReplicaMethod>& methods,
    const std::string& key);

}  // namespace pgherd
