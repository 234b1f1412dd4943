#include "backup/backup_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/time_values.h"
#include "ctl/time_text.h"

namespace pgherd::backup {
namespace {

using ctl::Align;
using ctl::Cell;
using ctl::number_cell;
using ctl::text_cell;

constexpr std::int64_t kSecond = 1000000;  // of a WallTime

std::int64_t seconds_between(WallTime from, WallTime to) {
  return std::max<std::int64_t>((to.microseconds - from.microseconds) / kSecond, 0);
}

class Writer {
 public:
  explicit Writer(bool is_for_people) : is_for_people_(is_for_people) {}

  [[nodiscard]] Cell moment(WallTime time) const {
    return text_cell(is_for_people_ ? ctl::stamp_seconds(time) : format_time(time));
  }
  [[nodiscard]] Cell duration(std::int64_t seconds) const {
    return is_for_people_ ? text_cell(duration_text(seconds)) : number_cell(seconds);
  }
  [[nodiscard]] Cell size(std::int64_t bytes) const {
    return is_for_people_ ? text_cell(size_text(bytes)) : number_cell(bytes);
  }

 private:
  bool is_for_people_;
};

std::string title_of(const Stanza& stanza) {
  return fmt::format(" Stanza {} ({}){} ", stanza.name, stanza.message,
                     stanza.backup_is_running ? ", a backup is under way" : "");
}

std::vector<Cell> row_of(const Backup& backup, WallTime now, const Writer& writer) {
  return {text_cell(backup.label),
          text_cell(backup.type),
          number_cell(backup.repository),
          writer.moment(backup.began),
          writer.moment(backup.ended),
          writer.duration(seconds_between(backup.began, backup.ended)),
          writer.size(backup.size_bytes),
          writer.size(backup.repository_bytes),
          text_cell(backup.wal_start),
          text_cell(backup.wal_stop),
          text_cell(backup.has_error ? "error" : "ok"),
          writer.duration(seconds_between(backup.ended, now))};
}

constexpr std::ptrdiff_t kRepositoryColumn = 2;

void remove_column(ctl::Table& table, std::ptrdiff_t column) {
  table.columns.erase(table.columns.begin() + column);
  for (auto& row : table.rows)
    row.erase(row.begin() + column);
}

}  // namespace

ctl::Table backup_table(const Stanza& stanza, WallTime now, ctl::Format format) {
  ctl::Table table{.title = title_of(stanza),
                   .columns = {{"Label"},
                               {"Type"},
                               {"Repo", Align::Right},
                               {"Start"},
                               {"End"},
                               {"Duration", Align::Right},
                               {"Size", Align::Right},
                               {"In repository", Align::Right},
                               {"WAL from"},
                               {"WAL to"},
                               {"Status"},
                               {"Age", Align::Right}}};
  const Writer writer(format == ctl::Format::Pretty);
  for (const Backup& backup : stanza.backups)
    table.rows.push_back(row_of(backup, now, writer));
  // Most have one repository, and the table is wide.
  const bool is_said_anyway = format == ctl::Format::Pretty && stanza.repositories.size() < 2;
  if (is_said_anyway) remove_column(table, kRepositoryColumn);
  return table;
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"kB", "MB", "GB", "TB", "PB"};
  constexpr double kStep = 1024;
  if (bytes < static_cast<std::int64_t>(kStep)) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / kStep;
  std::size_t unit = 0;
  for (; value >= kStep && unit + 1 < kUnits.size(); ++unit)
    value /= kStep;
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

std::string duration_text(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 3600;
  constexpr std::int64_t kDay = 86400;
  if (seconds < kMinute) return fmt::format("{} s", seconds);
  if (seconds < kHour) return fmt::format("{} min {} s", seconds / kMinute, seconds % kMinute);
  if (seconds < kDay) return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
  return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
}

}  // namespace pgherd::backup
