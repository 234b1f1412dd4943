// YAML for people: block style, sorted keys, two spaces, strings quoted where they would be read as
// something else; byte for byte what patronictl's users are used to (PyYAML's safe_dump with
// default_flow_style=False, allow_unicode=True, width=200). For the codec room only.
#pragma once

#include <string>

#include "codec/json_reading.h"

namespace pgherd {

[[nodiscard]] std::string write_yaml(const Json& value);

}  // namespace pgherd
