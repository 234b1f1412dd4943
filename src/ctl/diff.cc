#include "ctl/diff.h"

#include <fmt/format.h>
#include <algorithm>

namespace pgherd::ctl {
namespace {

constexpr std::size_t kContext = 3;

using Lines = std::vector<std::string_view>;

struct Edit {
  char sign;  // ' ', '-', '+'
  std::string_view line;
};

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

// Longest common subsequence by table: configurations have hundreds of lines, not millions.
std::vector<Edit> edits_between(const Lines& before, const Lines& after) {
  const std::size_t width = after.size() + 1;
  std::vector<std::size_t> common((before.size() + 1) * width, 0);
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      common[i * width + j] =
          before[i] == after[j] ? common[(i + 1) * width + j + 1] + 1
                                : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  std::vector<Edit> edits;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      edits.push_back({' ', before[i]});
      ++i;
      ++j;
    } else if (j == after.size() ||
               (i < before.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      edits.push_back({'-', before[i++]});
    } else {
      edits.push_back({'+', after[j++]});
    }
  }
  return edits;
}

// "12,3"; the count 1 is left out, and an empty range names the line before it.
std::string range_text(std::size_t lines_before, std::size_t count) {
  if (count == 1) return std::to_string(lines_before + 1);
  return fmt::format("{},{}", count == 0 ? lines_before : lines_before + 1, count);
}

// One hunk: edits [from, to), which begin after `old_line` and `new_line` lines.
void append_hunk(std::vector<std::string>& text, const std::vector<Edit>& edits, std::size_t from,
                 std::size_t to, std::size_t old_line, std::size_t new_line) {
  std::size_t removed = 0;
  std::size_t added = 0;
  for (std::size_t at = from; at < to; ++at) {
    removed += edits[at].sign != '+' ? 1 : 0;
    added += edits[at].sign != '-' ? 1 : 0;
  }
  text.push_back(
      fmt::format("@@ -{} +{} @@", range_text(old_line, removed), range_text(new_line, added)));
  for (std::size_t at = from; at < to; ++at) {
    text.push_back(fmt::format("{}{}", edits[at].sign, edits[at].line));
  }
}

}  // namespace

std::vector<std::string> unified_diff(std::string_view before, std::string_view after) {
  const std::vector<Edit> edits = edits_between(lines_of(before), lines_of(after));
  std::vector<std::string> text;
  std::size_t old_line = 0;
  std::size_t new_line = 0;
  std::size_t done = 0;  // edits before this one are counted in old_line and new_line
  const auto count_up_to = [&](std::size_t end) {
    for (; done < end; ++done) {
      old_line += edits[done].sign != '+' ? 1 : 0;
      new_line += edits[done].sign != '-' ? 1 : 0;
    }
  };
  for (std::size_t at = 0; at < edits.size(); ++at) {
    if (edits[at].sign == ' ') continue;
    // The hunk goes on as long as the next change is near enough for the contexts to touch.
    std::size_t last = at;
    for (std::size_t next = at; next < edits.size() && next <= last + 2 * kContext + 1; ++next) {
      if (edits[next].sign != ' ') last = next;
    }
    const std::size_t from = at < done + kContext ? done : at - kContext;
    const std::size_t to = std::min(edits.size(), last + kContext + 1);
    count_up_to(from);
    if (text.empty()) text = {"--- ", "+++ "};
    append_hunk(text, edits, from, to, old_line, new_line);
    count_up_to(to);
    at = to - 1;
  }
  return text;
}

}  // namespace pgherd::ctl
