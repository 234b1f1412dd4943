// The target of a request, taken apart. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgherd {

// The parameters behind the question mark, percent-decoded, in their order. Blank values are
// dropped.
using Query = std::vector<std::pair<std::string, std::string>>;

struct Target {
  std::string path;  // percent-decoded, without the query; begins with '/'
  Query query;
};
[[nodiscard]] Target parse_target(std::string_view target);

// The first value of `key`.
[[nodiscard]] std::optional<std::string> first_value(const Query& query, std::string_view key);

// "/patroni/x" -> "patroni": what chooses among the handlers.
[[nodiscard]] std::string_view first_segment(std::string_view path);

}  // namespace pgherd
