// YAML for people: block style, sorted keys, two spaces, strings quoted where they would be read as
// something else; byte for byte what patronictl's users are used to (PyYAML's safe_dump with
// default_flow_style=False, allow_unicode=True, width=200). Exceptions, where readers disagree or
// nobody looks: texts that begin or end with a line break and texts with U+0085, U+2028 or U+2029
// are in double quotes; an empty key and one beyond 128 characters are simple keys. For the codec
// room only.
#pragma once

#include <string>

#include "codec/json_reading.h"

namespace pgherd {

[[nodiscard]] std::string write_yaml(const Json& value);

// In flow style, on one line without a line break at its end: {a: b, c: [1, 2]}.
[[nodiscard]] std::string write_yaml_flow(const Json& value);

}  // namespace pgherd
