#include "ctl/time_text.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <ctime>

#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

constexpr std::int64_t kMicroseconds = 1000000;

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

std::string formatted(const char* format, const std::tm& parts) {
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::chrono::year_month_day local_day(WallTime time) {
  const std::tm parts = local_parts(split(time).seconds);
  return {std::chrono::year(parts.tm_year + 1900),
          std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
          std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
}

std::tm parts_of(WallFace face) {
  const auto midnight = std::chrono::floor<std::chrono::days>(face);
  const std::chrono::year_month_day date{midnight};
  const std::chrono::hh_mm_ss clock{face - midnight};
  std::tm parts{};
  parts.tm_year = static_cast<int>(date.year()) - 1900;
  parts.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  parts.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  parts.tm_hour = static_cast<int>(clock.hours().count());
  parts.tm_min = static_cast<int>(clock.minutes().count());
  parts.tm_sec = static_cast<int>(clock.seconds().count());
  return parts;
}

// This machine's zone, if its clocks show that while summer time is, or is not, in force.
std::optional<LocalZone> zone_with(WallFace face, int is_summer) {
  const std::tm wanted = parts_of(face);
  std::tm found = wanted;
  found.tm_isdst = is_summer;
  if (std::mktime(&found) == static_cast<std::time_t>(-1)) return std::nullopt;
  const bool is_shown = found.tm_isdst == is_summer && found.tm_hour == wanted.tm_hour &&
                        found.tm_min == wanted.tm_min;
  if (!is_shown) return std::nullopt;
  return LocalZone{.east = std::chrono::minutes(found.tm_gmtoff / 60), .name = found.tm_zone};
}

std::optional<LocalZone> local_zone(WallFace face) {
  const auto winter = zone_with(face, 0);
  const auto summer = zone_with(face, 1);
  if (winter && summer) return std::nullopt;
  return winter ? winter : summer;
}

}  // namespace

std::string stamp_seconds(WallTime time) {
  return formatted("%Y-%m-%d %H:%M:%S", local_parts(split(time).seconds));
}

std::string stamp(WallTime time) {
  return fmt::format("{}.{:05}", stamp_seconds(time), split(time).microseconds / 10);
}

std::string stamp_milliseconds(WallTime time) {
  return fmt::format("{},{:03}", stamp_seconds(time), split(time).microseconds / 1000);
}

std::string iso_minutes(WallTime time) {
  return formatted("%Y-%m-%dT%H:%M", local_parts(split(time).seconds));
}

std::optional<ZonedTime> read_schedule(std::string_view text, WallTime now) {
  if (text.empty() || text == "now") return std::nullopt;
  const auto time = read_time(text, {.today = local_day(now), .zone = local_zone});
  if (time) return *time;
  throw CtlError(
      fmt::format("Unable to parse scheduled timestamp ({}). It should be in an unambiguous format "
                  "(e.g. ISO 8601)\nUnderstood are: {}; without a zone it is local time.",
                  text, readable_times()));
}

}  // namespace pgherd::ctl
