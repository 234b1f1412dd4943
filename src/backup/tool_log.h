// What pgBackRest logs, as values. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgherd::backup {

struct ToolLine {
  std::string level;  // ERROR, WARN, INFO, ...
  std::string text;   // lines that go on are joined by a blank; without "[055]: "
};

// With and without the time and the process at the beginning of lines. What comes before the first
// line with a level is a line of level "".
[[nodiscard]] std::vector<ToolLine> parse_tool_log(std::string_view log);

// Why a tool failed: its errors, else its last line; "it said nothing" for nothing. One line.
[[nodiscard]] std::string reason_in(std::string_view log);

}  // namespace pgherd::backup
