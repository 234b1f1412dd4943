#include "codec/time_values.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace pgherd {
namespace {

using std::chrono::local_days;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 7> kWeekdays = {"sunday",   "monday", "tuesday", "wednesday",
                                                       "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::size_t kShortName = 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

// Which of the names a word is, whole or by its first three letters.
template <std::size_t kCount>
std::optional<unsigned> index_of(const std::array<std::string_view, kCount>& names,
                                 std::string_view word) {
  for (std::size_t at = 0; at < kCount; ++at) {
    if (word == names[at] || word == names[at].substr(0, kShortName))
      return static_cast<unsigned>(at);
  }
  return std::nullopt;
}

// What a text says, piece by piece.
struct Said {
  std::optional<int> year;
  std::optional<unsigned> month;
  std::optional<unsigned> day;
  std::optional<unsigned> weekday;  // 0 is Sunday
  std::optional<microseconds> clock;
  std::optional<minutes> east;
  std::string zone_name;
};

// Keeps what is said for the first time; a second time is a contradiction.
template <typename T>
bool note(std::optional<T>& to, T value) {
  if (to) return false;
  to = value;
  return true;
}

class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  // nullopt: something in it is not understood.
  std::optional<Said> read() {
    bool is_apart = true;
    while (!rest_.empty()) {
      is_apart = skip_separators() || is_apart;
      if (rest_.empty()) break;
      // Digits right behind a piece would be a part of it that it does not have.
      if (sees_digit() && !is_apart) return std::nullopt;
      if (!take_piece()) return std::nullopt;
      is_apart = false;
    }
    return said_;
  }

 private:
  [[nodiscard]] bool sees_digit() const { return !rest_.empty() && is_digit(rest_.front()); }
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> number(std::size_t digits) {
    if (rest_.size() < digits || !std::all_of(rest_.begin(), rest_.begin() + digits, is_digit))
      return std::nullopt;
    int value = 0;
    for (std::size_t at = 0; at < digits; ++at)
      value = value * 10 + (rest_[at] - '0');
    rest_.remove_prefix(digits);
    return value;
  }
  std::string_view letters() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_letter);
    const std::string_view word(rest_.begin(), end);
    rest_.remove_prefix(word.size());
    return word;
  }

  // A hyphen divides "1-Aug-2027", as long as it cannot be the sign of a zone.
  bool is_separator(char c) const {
    const bool is_in_date = !said_.clock && !said_.year && (said_.day || said_.month);
    return c == ' ' || c == ',' || (c == '-' && is_in_date);
  }
  bool skip_separators() {
    const std::size_t before = rest_.size();
    while (!rest_.empty() && is_separator(rest_.front()))
      rest_.remove_prefix(1);
    return rest_.size() < before;
  }

  bool take_piece() {
    if (sees_digit()) return take_number();
    if (is_letter(rest_.front())) return take_word();
    return said_.clock && take_offset();
  }

  bool take_number() {
    constexpr std::size_t kYear = 4;
    constexpr std::size_t kShortDate = 8;
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_digit);
    const auto digits = static_cast<std::size_t>(end - rest_.begin());
    const char next = end == rest_.end() ? '\0' : *end;
    if (digits == kShortDate) return take_date('\0');
    if (digits == kYear && (next == '-' || next == '/')) return take_date(next);
    if (digits == kYear) return note(said_.year, *number(digits));
    if (digits > 2) return false;
    if (next == ':') return take_clock(digits);
    if (is_half_day_hour(digits)) return take_clock(digits);
    return note(said_.day, static_cast<unsigned>(*number(digits)));
  }

  // 2027-08-01, 2027/08/01 or 20270801, and the clock behind a T.
  bool take_date(char divider) {
    const auto divides = [&] { return divider == '\0' || take(divider); };
    const auto year = number(4);
    if (!year || !divides()) return false;
    const auto month = number(2);
    if (!month || !divides()) return false;
    const auto day = number(2);
    if (!day || !note(said_.year, *year) || !note(said_.month, static_cast<unsigned>(*month)) ||
        !note(said_.day, static_cast<unsigned>(*day))) {
      return false;
    }
    return (!take('T') && !take('t')) || take_clock(2);
  }

  // 03:00:00.5, 030000.5, 03:00, 0300, 03, and what says which half of the day is meant.
  bool take_clock(std::size_t hour_digits) {
    const auto hour = number(hour_digits);
    if (!hour) return false;
    int minute = 0;
    int second = 0;
    int fraction = 0;
    const bool has_colons = take(':');
    if (has_colons || sees_digit()) {
      const auto found = number(2);
      if (!found) return false;
      minute = *found;
      if (has_colons ? take(':') : sees_digit()) {
        const auto seconds = number(2);
        const auto part = seconds ? take_fraction() : std::nullopt;
        if (!part) return false;
        second = *seconds;
        fraction = *part;
      }
    }
    if (minute > 59 || second > 59) return false;
    const auto in_day = hour_in_day(*hour);
    return in_day && note(said_.clock, microseconds{*in_day * 1h + minute * 1min + second * 1s} +
                                           microseconds(fraction));
  }

  // ".5" is 500000 us; digits beyond the sixth are cut.
  std::optional<int> take_fraction() {
    const bool is_divided = rest_.size() > 1 && rest_[0] == ',' && is_digit(rest_[1]);
    if (!is_divided && !rest_.starts_with('.')) return 0;
    rest_.remove_prefix(1);
    if (!sees_digit()) return std::nullopt;
    int value = 0;
    int weight = 100000;
    while (sees_digit()) {
      value += *number(1) * weight;
      weight /= 10;
    }
    return value;
  }

  // 'a' or 'p', if "am" or "pm" comes next.
  std::optional<char> take_half_day() {
    const std::string_view before = rest_;
    while (take(' ')) {
    }
    const std::string word = lower(letters());
    if (word == "am" || word == "pm") return word.front();
    rest_ = before;
    return std::nullopt;
  }
  std::optional<int> hour_in_day(int hour) {
    const auto half = take_half_day();
    if (!half) return hour < 24 ? std::optional(hour) : std::nullopt;
    if (hour < 1 || hour > 12) return std::nullopt;
    return hour % 12 + (*half == 'p' ? 12 : 0);
  }
  // "11pm": takes nothing yet.
  bool is_half_day_hour(std::size_t digits) {
    const std::string_view before = rest_;
    rest_.remove_prefix(digits);
    const bool has_half = take_half_day().has_value();
    rest_ = before;
    return has_half;
  }

  bool take_word() {
    const std::string_view word = letters();
    const std::string plain = lower(word);
    if (plain == "z" || plain == "utc" || plain == "gmt") return note(said_.east, minutes(0));
    if (const auto weekday = index_of(kWeekdays, plain)) return note(said_.weekday, *weekday);
    if (const auto month = index_of(kMonths, plain)) return note(said_.month, *month + 1);
    if (!said_.zone_name.empty()) return false;
    said_.zone_name = word;
    return true;
  }

  // +02:00, +0200, +02, +2
  bool take_offset() {
    const bool is_west = take('-');
    if (!is_west && !take('+')) return false;
    const bool has_one_digit = rest_.size() == 1 || (rest_.size() > 1 && !is_digit(rest_[1]));
    const auto hours = number(has_one_digit ? 1 : 2);
    if (!hours || *hours > 23) return false;
    int rest = 0;
    if (take(':') || sees_digit()) {
      const auto found = number(2);
      if (!found || *found > 59) return false;
      rest = *found;
    }
    const minutes east = *hours * 60min + minutes(rest);
    return note(said_.east, is_west ? -east : east);
  }

  std::string_view rest_;
  Said said_;
};

bool is_in_years(const year_month_day& date) {
  return date.ok() && date.year() >= std::chrono::year(1) && date.year() <= std::chrono::year(9999);
}

std::chrono::weekday weekday_of(const year_month_day& date) {
  return std::chrono::weekday(local_days(date));
}

std::optional<year_month_day> unnamed_date(const Said& said,
                                           const std::optional<year_month_day>& today) {
  if (said.year || said.month || said.day || !today) return std::nullopt;
  if (said.weekday) {
    const auto ahead = std::chrono::weekday(*said.weekday) - weekday_of(*today);
    return year_month_day(local_days(*today) + ahead);
  }
  return said.clock ? today : std::nullopt;
}

std::optional<year_month_day> date_of(const Said& said,
                                      const std::optional<year_month_day>& today) {
  if (!said.month || !said.day) return unnamed_date(said, today);
  if (!said.year && !today) return std::nullopt;
  const auto year = said.year ? std::chrono::year(*said.year) : today->year();
  const year_month_day date{year, std::chrono::month(*said.month), std::chrono::day(*said.day)};
  if (!is_in_years(date)) return std::nullopt;
  if (said.weekday && std::chrono::weekday(*said.weekday) != weekday_of(date)) return std::nullopt;
  return date;
}

Result<minutes, TimeFault> east_of(const Said& said, WallFace face, const TimeDefaults& defaults) {
  const bool is_named = !said.zone_name.empty();
  if (said.east && is_named) return fail(TimeFault::Unreadable);
  if (said.east) return *said.east;
  if (!defaults.zone) return fail(is_named ? TimeFault::Unreadable : TimeFault::NoZone);
  const auto own = defaults.zone(face);
  if (!own || (is_named && own->name != said.zone_name)) return fail(TimeFault::Unreadable);
  return own->east;
}

}  // namespace

Result<ZonedTime, TimeFault> read_time(std::string_view text, const TimeDefaults& defaults) {
  const auto said = TimeReader(text).read();
  const auto date = said ? date_of(*said, defaults.today) : std::nullopt;
  if (!date) return fail(TimeFault::Unreadable);
  const WallFace face = local_days(*date) + said->clock.value_or(0us);
  const auto east = east_of(*said, face, defaults);
  if (!east) return fail(east.error());
  const ZonedTime time{.at = WallTime{(face.time_since_epoch() - *east).count()}, .east = *east};
  if (!is_in_years(utc_day(time.at))) return fail(TimeFault::Unreadable);
  return time;
}

std::string_view readable_times() {
  return "2027-08-01T03:00, 20270801T0300, 2027/08/01 03:00, 1 Aug 2027 3:00 pm, 03:00 (today), "
         "each with Z, UTC or +02:00 behind it";
}

std::optional<ZonedTime> parse_zoned_time(std::string_view text) {
  const auto time = read_time(text, {});
  return time ? std::optional(*time) : std::nullopt;
}

std::optional<WallTime> parse_time(std::string_view text) {
  const auto time = parse_zoned_time(text);
  return time ? std::optional(time->at) : std::nullopt;
}

std::chrono::year_month_day utc_day(WallTime time) {
  const std::chrono::sys_time<microseconds> point{microseconds(time.microseconds)};
  return {std::chrono::floor<std::chrono::days>(point)};
}

std::string format_time(const ZonedTime& time) {
  // Years 1 to 9999; std::chrono's calendar goes further than ISO 8601's four digits.
  const WallFace face{microseconds(time.at.microseconds) + time.east};
  const auto midnight = std::chrono::floor<std::chrono::days>(face);
  const year_month_day date{midnight};
  const std::chrono::hh_mm_ss clock{face - midnight};
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
  const auto distance = static_cast<int>(std::chrono::abs(time.east).count());
  length = std::snprintf(text.data(), text.size(), "%c%02d:%02d", time.east < 0min ? '-' : '+',
                         distance / 60, distance % 60);
  return formatted.append(text.data(), static_cast<std::size_t>(length));
}

std::string format_time(WallTime time) {
  return format_time(ZonedTime{.at = time});
}

}  // namespace pgherd
