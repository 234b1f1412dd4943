#include "ctl/time_text.h"

#include <fmt/format.h>
#include <array>
#include <chrono>
#include <ctime>

namespace pgherd::ctl {
namespace {

constexpr std::int64_t kMicroseconds = 1000000;

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int microsecond = 0;
  std::optional<int> offset_minutes;
};

struct Split {
  std::time_t seconds;
  int microseconds;
};

Split split(WallTime time) {
  std::int64_t seconds = time.microseconds / kMicroseconds;
  std::int64_t rest = time.microseconds % kMicroseconds;
  if (rest < 0) {
    rest += kMicroseconds;
    --seconds;
  }
  return {static_cast<std::time_t>(seconds), static_cast<int>(rest)};
}

std::tm local_parts(std::time_t seconds) {
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

// A cursor over what the operator wrote.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  [[nodiscard]] bool is_done() const { return at_ == text_.size(); }
  bool take(char wanted) {
    if (is_done() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  std::size_t skip_blanks() {
    const std::size_t start = at_;
    while (take(' ')) {
    }
    return at_ - start;
  }
  [[nodiscard]] bool sees_digit() const {
    return !is_done() && text_[at_] >= '0' && text_[at_] <= '9';
  }
  int digit() { return text_[at_++] - '0'; }
  std::optional<int> number(int digits) {
    int value = 0;
    for (int count = 0; count < digits; ++count) {
      if (!sees_digit()) return std::nullopt;
      value = value * 10 + digit();
    }
    return value;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

bool read_date(Reader& reader, Parts& parts) {
  const auto year = reader.number(4);
  if (!year || !reader.take('-')) return false;
  const auto month = reader.number(2);
  if (!month || !reader.take('-')) return false;
  const auto day = reader.number(2);
  if (!day) return false;
  parts.year = *year;
  parts.month = *month;
  parts.day = *day;
  return true;
}

bool read_fraction(Reader& reader, Parts& parts) {
  if (!reader.sees_digit()) return false;
  int weight = 100000;
  while (reader.sees_digit()) {
    parts.microsecond += reader.digit() * weight;
    weight /= 10;
  }
  return true;
}

bool read_clock(Reader& reader, Parts& parts) {
  const auto hour = reader.number(2);
  if (!hour || !reader.take(':')) return false;
  const auto minute = reader.number(2);
  if (!minute) return false;
  parts.hour = *hour;
  parts.minute = *minute;
  if (!reader.take(':')) return true;
  const auto second = reader.number(2);
  if (!second) return false;
  parts.second = *second;
  return !reader.take('.') || read_fraction(reader, parts);
}

bool read_zone(Reader& reader, Parts& parts) {
  if (reader.is_done()) return true;
  if (reader.take('Z') || reader.take('z')) {
    parts.offset_minutes = 0;
    return reader.is_done();
  }
  const bool is_west = reader.take('-');
  if (!is_west && !reader.take('+')) return false;
  const auto hours = reader.number(2);
  if (!hours) return false;
  std::optional<int> minutes = 0;
  if (!reader.is_done()) {
    (void)reader.take(':');
    minutes = reader.number(2);
  }
  if (!minutes || !reader.is_done() || *hours > 14 || *minutes > 59) return false;
  parts.offset_minutes = (is_west ? -1 : 1) * (*hours * 60 + *minutes);
  return true;
}

bool is_in_calendar(const Parts& parts) {
  const std::chrono::year_month_day date{std::chrono::year(parts.year),
                                         std::chrono::month(static_cast<unsigned>(parts.month)),
                                         std::chrono::day(static_cast<unsigned>(parts.day))};
  return date.ok() && parts.year >= 1970 && parts.hour < 24 && parts.minute < 60 &&
         parts.second < 60;
}

std::optional<int> local_offset_minutes(const Parts& parts) {
  std::tm local{};
  local.tm_year = parts.year - 1900;
  local.tm_mon = parts.month - 1;
  local.tm_mday = parts.day;
  local.tm_hour = parts.hour;
  local.tm_min = parts.minute;
  local.tm_sec = parts.second;
  local.tm_isdst = -1;
  if (std::mktime(&local) == static_cast<std::time_t>(-1)) return std::nullopt;
  return static_cast<int>(local.tm_gmtoff / 60);
}

std::string iso_text(const Parts& parts, int offset) {
  const int distance = offset < 0 ? -offset : offset;
  const std::string fraction =
      parts.microsecond == 0 ? std::string() : fmt::format(".{:06}", parts.microsecond);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}{:02}:{:02}", parts.year, parts.month,
                     parts.day, parts.hour, parts.minute, parts.second, fraction,
                     offset < 0 ? '-' : '+', distance / 60, distance % 60);
}

std::string formatted(const char* format, const std::tm& parts) {
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

std::string iso_time_utc(WallTime time) {
  const Split at = split(time);
  std::tm utc{};
  gmtime_r(&at.seconds, &utc);
  const Parts parts{.year = utc.tm_year + 1900,
                    .month = utc.tm_mon + 1,
                    .day = utc.tm_mday,
                    .hour = utc.tm_hour,
                    .minute = utc.tm_min,
                    .second = utc.tm_sec,
                    .microsecond = at.microseconds};
  return iso_text(parts, 0);
}

std::string stamp_seconds(WallTime time) {
  return formatted("%Y-%m-%d %H:%M:%S", local_parts(split(time).seconds));
}

std::string stamp(WallTime time) {
  return fmt::format("{}.{:05}", stamp_seconds(time), split(time).microseconds / 10);
}

std::string iso_minutes(WallTime time) {
  return formatted("%Y-%m-%dT%H:%M", local_parts(split(time).seconds));
}

std::optional<std::string> parse_schedule(std::string_view text) {
  Reader reader(text);
  Parts parts;
  (void)reader.skip_blanks();
  if (!read_date(reader, parts)) return std::nullopt;
  const bool has_clock = reader.take('T') || reader.skip_blanks() > 0;
  if (has_clock && !reader.is_done()) {
    if (!read_clock(reader, parts)) return std::nullopt;
    (void)reader.skip_blanks();
  }
  if (!read_zone(reader, parts) || !is_in_calendar(parts)) return std::nullopt;
  const auto offset = parts.offset_minutes ? parts.offset_minutes : local_offset_minutes(parts);
  if (!offset) return std::nullopt;
  return iso_text(parts, *offset);
}

}  // namespace pgherd::ctl
