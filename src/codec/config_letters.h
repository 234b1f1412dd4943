// Names and passwords that YAML does not read as what is written: `0123` is 83 to it, `no` is
// false. Here they are taken to the letter, Patroni takes what YAML has made of them. For the codec
// room only.
#pragma once

#include <string>
#include <vector>

#include "codec/yaml_tree.h"

namespace pgherd {

// A line for each of them in a whole local configuration, with its place and without its value.
[[nodiscard]] std::vector<std::string> texts_that_yaml_changes(const YamlNode& root);

}  // namespace pgherd
