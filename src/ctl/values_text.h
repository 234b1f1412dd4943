// JSON values as text for people: YAML in block and flow style, and JSON with blanks after
// separators. Pure. Every `json` argument is JSON text; text that is none is shown as it is.
#pragma once

#include <string>
#include <string_view>

namespace pgherd::ctl {

// Block YAML with sorted keys, two blanks of nesting, list items at the height of their key; ends
// with a newline. An empty object is "{}".
[[nodiscard]] std::string yaml_block(std::string_view json);
// One line: {a: b, c: [1, 2]}. Sorted keys, no newline.
[[nodiscard]] std::string yaml_flow(std::string_view json);
// One line with ", " and ": ", everything beyond ASCII escaped; keys stay in their order.
[[nodiscard]] std::string spaced_json(std::string_view json);

}  // namespace pgherd::ctl
