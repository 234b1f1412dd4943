#include "backup/tool_log.h"

#include <algorithm>
#include <array>

namespace pgherd::backup {
namespace {

constexpr std::array<std::string_view, 7> kLevels{"ERROR",  "ASSERT", "WARN", "INFO",
                                                  "DETAIL", "DEBUG",  "TRACE"};

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// "2026-11-30 10:01:09.302 P01" and "P00".
bool is_stamp(std::string_view text) {
  return text.find_first_not_of("0123456789-:. P") == text.npos;
}

bool begins_with_level(std::string_view line, ToolLine& made) {
  for (const std::string_view level : kLevels) {
    const auto at = line.find(level);
    if (at == line.npos || !is_stamp(line.substr(0, at))) continue;
    std::string_view rest = line.substr(at + level.size());
    if (!rest.starts_with(":")) continue;
    rest = trimmed(rest.substr(1));
    const auto code = rest.find("]: ");
    if (rest.starts_with("[") && code != rest.npos) rest = rest.substr(code + 3);
    made = ToolLine{.level = std::string(level), .text = std::string(rest)};
    return true;
  }
  return false;
}

}  // namespace

std::vector<ToolLine> parse_tool_log(std::string_view log) {
  std::vector<ToolLine> lines;
  while (!log.empty()) {
    const auto end = std::min(log.find('\n'), log.size());
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(std::min(end + 1, log.size()));
    ToolLine made;
    if (begins_with_level(line, made)) {
      lines.push_back(std::move(made));
    } else if (const auto text = trimmed(line); !text.empty()) {
      if (lines.empty()) lines.emplace_back();
      std::string& before = lines.back().text;
      before.append(before.empty() ? "" : " ").append(text);
    }
  }
  return lines;
}

std::string reason_in(std::string_view log) {
  const auto lines = parse_tool_log(log);
  std::string reason;
  for (const ToolLine& line : lines) {
    if (line.level != "ERROR" && line.level != "ASSERT") continue;
    reason.append(reason.empty() ? "" : "; ").append(line.text);
  }
  if (!reason.empty()) return reason;
  return lines.empty() || lines.back().text.empty() ? "it said nothing" : lines.back().text;
}

}  // namespace pgherd::backup
