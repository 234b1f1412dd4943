#include "postgres/local/divergence.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace pgherd {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

// Takes the text up to white space away from `rest`.
std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const auto end = rest.find_first_of(" \t");
  const std::string_view word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : trimmed(rest.substr(end));
  return word;
}

std::optional<HistoryRow> row_of(std::string_view line) {
  const std::string_view number = take_word(line);
  const std::string_view position = take_word(line);
  std::uint32_t timeline = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), timeline);
  const auto lsn = parse_lsn(position);
  if (error != std::errc{} || end != number.data() + number.size() || timeline == 0 || !lsn)
    return std::nullopt;
  return HistoryRow{.parent = Timeline{timeline}, .switched_at = *lsn, .reason = std::string(line)};
}

bool goes_beyond(const LocalEnd& local, Lsn switched_at) {
  switch (local.kind) {
    case LocalEnd::Kind::Standby:
    case LocalEnd::Kind::Backup:
      return local.position > switched_at;
    case LocalEnd::Kind::ShutDownPrimary:
      // Its last record is the shutdown checkpoint. The successor has exactly that or it has lost
      // something: also when it switched later than we stopped, for what came between is unknown
      // here.
      return local.position != switched_at;
    case LocalEnd::Kind::OpenPrimary:
      return true;
  }
  return true;
}

std::string loss_of(const LocalEnd& local, Lsn switched_at) {
  if (local.kind == LocalEnd::Kind::OpenPrimary)
    return fmt::format(
        "timeline {} ends at {} there; here it was open for writes when it stopped (last known "
        "position {})",
        local.timeline.value, to_string(switched_at), to_string(local.position));
  if (local.kind == LocalEnd::Kind::Backup)
    return fmt::format(
        "timeline {} ends at {} there; the backup here, with the WAL in it, may go on to {}",
        local.timeline.value, to_string(switched_at), to_string(local.position));
  return fmt::format("timeline {} ends at {} there, local WAL goes to {} ({} bytes more)",
                     local.timeline.value, to_string(switched_at), to_string(local.position),
                     lag_bytes(local.position, switched_at));
}

// The source may have switched later than a primary here has stopped: then only what it stopped
// with is of interest.
Fork fork_of(const LocalEnd& local, Lsn switched_at) {
  const bool is_end = local.kind != LocalEnd::Kind::OpenPrimary;
  return {.timeline = local.timeline,
          .at = is_end ? std::min(switched_at, local.position) : switched_at};
}

// The first word behind `name` at the beginning of a line.
std::string_view word_after(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    return take_word(line);
  }
  return {};
}

}  // namespace

HistoryVerdict compare_histories(const LocalEnd& local, Timeline source_timeline,
                                 const std::vector<HistoryRow>& history) {
  if (!local.timeline.is_known() || !source_timeline.is_known() || !local.position.is_known())
    return {Divergence::Unknown, "the local position or a timeline is not known yet"};
  if (local.timeline > source_timeline)
    return {Divergence::Diverged,
            fmt::format("local timeline {} is newer than the source's {}", local.timeline.value,
                        source_timeline.value),
            Fork{.timeline = local.timeline, .at = {}}};
  if (local.timeline == source_timeline)
    return {Divergence::None, fmt::format("both are on timeline {}", source_timeline.value)};
  for (const HistoryRow& row : history) {
    if (row.parent > local.timeline) break;
    if (row.parent != local.timeline) continue;
    if (goes_beyond(local, row.switched_at))
      return {Divergence::Diverged, loss_of(local, row.switched_at),
              fork_of(local, row.switched_at)};
    return {Divergence::None,
            fmt::format("timeline {} ends at {} there, local WAL goes to {}", local.timeline.value,
                        to_string(row.switched_at), to_string(local.position))};
  }
  return {Divergence::Diverged,
          fmt::format("local timeline {} is not in the history of the source's timeline {}",
                      local.timeline.value, source_timeline.value),
          Fork{.timeline = local.timeline, .at = {}}};
}

Result<std::vector<HistoryRow>, std::string> parse_history_file(std::string_view text) {
  std::vector<HistoryRow> rows;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty() || line.front() == '#') continue;
    const auto row = row_of(line);
    if (!row) return fail("unreadable line in a timeline history: " + std::string(line));
    if (!rows.empty() && rows.back().parent >= row->parent)
      return fail("timelines in a history file do not rise: " + std::string(line));
    rows.push_back(*row);
  }
  return rows;
}

std::optional<BackupStart> parse_backup_label(std::string_view text) {
  const std::string_view number = word_after(text, "START TIMELINE:");
  const auto checkpoint = parse_lsn(word_after(text, "CHECKPOINT LOCATION:"));
  std::uint32_t timeline = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), timeline);
  if (error != std::errc{} || end != number.data() + number.size() || timeline == 0 || !checkpoint)
    return std::nullopt;
  return BackupStart{.timeline = Timeline{timeline}, .checkpoint = *checkpoint};
}

}  // namespace pgherd
