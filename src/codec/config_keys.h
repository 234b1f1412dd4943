// Every key that Patroni's configuration knows, whether we use it yet or not. For the codec room
// only.
#pragma once

#include <string>
#include <vector>

#include "codec/yaml_tree.h"

namespace pgherd {

struct UnknownKey {
  std::string path;    // "restapi.lisen"
  std::string origin;  // "patroni.yml:12"
  // "restapi.listen": the key of this section that is meant, or where the word belongs; "" if that
  // cannot be told.
  std::string nearest;
};

// The path of every key of the catalogue: "restapi.listen". Sections that are described have none,
// what is below a key that holds anything is not listed.
[[nodiscard]] std::vector<std::string> known_keys();

// Whether the catalogue has `key` itself in the section `postgresql`: what it does not have may be
// the name of a way to create replicas.
[[nodiscard]] bool is_key_of_postgresql(std::string_view key);

// Keys of the top that begin with "x-" or "." hold what others refer to (anchors); they are no
// mistake.
[[nodiscard]] std::vector<UnknownKey> unknown_keys_of(const YamlNode& root);

// Top-level keys that only `/config` can set; in the local file they do nothing.
[[nodiscard]] bool is_dynamic_key(std::string_view key);

// The store sections of the reference that are not ours: "consul", ...
[[nodiscard]] bool is_other_store(std::string_view section);

// The candidate that `word` was probably meant to be, "" when none is close.
[[nodiscard]] std::string nearest_of(std::string_view word,
                                     const std::vector<std::string>& candidates);

}  // namespace pgherd
