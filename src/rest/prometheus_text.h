// A label's value in Prometheus' text format.
#pragma once

#include <string>
#include <string_view>

namespace pgherd {

// In double quotes, with backslash, quote and end of line escaped.
[[nodiscard]] std::string quoted_label(std::string_view value);

}  // namespace pgherd
