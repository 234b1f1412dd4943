// ISO 8601: as people write it and as Python's isoformat() prints it.
#include <array>
#include <chrono>
#include <cstdio>

#include "codec/dcs_values.h"

namespace pgherd {
namespace {

// Takes what it recognizes from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> number(std::size_t digits) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t at = 0; at < digits; ++at) {
      if (rest_[at] < '0' || rest_[at] > '9') return std::nullopt;
      value = value * 10 + (rest_[at] - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  // ".5" is 500000 us; digits beyond the sixth are cut.
  std::optional<int> fraction() {
    if (!take('.') && !take(',')) return 0;
    int value = 0;
    int digits = 0;
    while (const std::optional<int> digit = number(1)) {
      if (++digits <= 6) value = value * 10 + *digit;
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 6; ++digits)
      value *= 10;
    return value;
  }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::sys_days> take_date(Scanner& text) {
  const auto year = text.number(4);
  if (!year || !text.take('-')) return std::nullopt;
  const auto month = text.number(2);
  if (!month || !text.take('-')) return std::nullopt;
  const auto day = text.number(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *year == 0) return std::nullopt;
  return std::chrono::sys_days{date};
}

std::optional<std::chrono::microseconds> take_time_of_day(Scanner& text) {
  const auto hour = text.number(2);
  if (!hour || *hour > 23 || !text.take(':')) return std::nullopt;
  const auto minute = text.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  auto since_midnight = std::chrono::microseconds{*hour * 1h + *minute * 1min};
  if (!text.take(':')) return since_midnight;
  const auto second = text.number(2);
  if (!second || *second > 59) return std::nullopt;
  const auto fraction = text.fraction();
  if (!fraction) return std::nullopt;
  return since_midnight + Seconds(*second) + std::chrono::microseconds(*fraction);
}

// Z, +02:00, +0200, +02
std::optional<std::chrono::minutes> take_zone(Scanner& text) {
  text.take(' ');
  if (text.take('Z') || text.take('z')) return 0min;
  const bool is_west = text.take('-');
  if (!is_west && !text.take('+')) return std::nullopt;
  const auto hours = text.number(2);
  if (!hours || *hours > 23) return std::nullopt;
  int minutes = 0;
  if (text.take(':') || !text.is_at_end()) {
    const auto found = text.number(2);
    if (!found || *found > 59) return std::nullopt;
    minutes = *found;
  }
  const auto east = *hours * 60min + std::chrono::minutes(minutes);
  return is_west ? -east : east;
}

}  // namespace

std::optional<WallTime> parse_time(std::string_view text) {
  Scanner scanner(text);
  const auto date = take_date(scanner);
  if (!date || (!scanner.take('T') && !scanner.take('t') && !scanner.take(' '))) {
    return std::nullopt;
  }
  const auto time_of_day = take_time_of_day(scanner);
  if (!time_of_day) return std::nullopt;
  const auto zone = take_zone(scanner);
  if (!zone || !scanner.is_at_end()) return std::nullopt;
  const auto since_1970 = date->time_since_epoch() + *time_of_day - *zone;
  return WallTime{std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()};
}

std::string format_time(WallTime time) {
  using std::chrono::microseconds;
  // Years 1 to 9999; std::chrono's calendar goes further than ISO 8601's four digits.
  const std::chrono::sys_time<microseconds> point{microseconds(time.microseconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{midnight};
  const std::chrono::hh_mm_ss clock{point - midnight};
  std::array<char, 80> text{};
  int length = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  std::string formatted(text.data(), static_cast<std::size_t>(length));
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    length = std::snprintf(text.data(), text.size(), ".%06d", static_cast<int>(fraction));
    formatted.append(text.data(), static_cast<std::size_t>(length));
  }
  return formatted.append("+00:00");
}

}  // namespace pgherd
