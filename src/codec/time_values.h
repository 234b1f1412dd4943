// Moments as people and programs write them, and how this program writes them: ISO 8601 as Python's
// isoformat() prints it. Pure: what a text leaves unsaid (the day, the zone) is given.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/result.h"

namespace pgherd {

// What clocks and calendars on a wall show, wherever that wall is.
using WallFace = std::chrono::local_time<std::chrono::microseconds>;

// A moment, and how far east of UTC the clock was by which somebody said it.
struct ZonedTime {
  WallTime at;
  std::chrono::minutes east{0};
  friend bool operator==(const ZonedTime&, const ZonedTime&) = default;
};

// What the reader's own clock is at some moment: "CEST", two hours east.
struct LocalZone {
  std::chrono::minutes east{0};
  std::string name;
};

// What a text may leave unsaid. Without `today` it has to name the day with the year; without
// `zone` the zone.
struct TimeDefaults {
  std::optional<std::chrono::year_month_day> today = {};
  // nullopt: the clocks there never show that, or twice, because they are put forward or back.
  std::function<std::optional<LocalZone>(WallFace)> zone = {};
};

enum class TimeFault { Unreadable, NoZone };

// ISO 8601 in its long and its short form ("2027-08-01T03:00:00+02:00", "20270801T010000Z",
// "2027/08/01 03:00"), RFC 2822 ("Sun, 01 Aug 2027 03:00:00 +0200"), what `date` prints, and words
// ("1 Aug 2027 3:00 pm", "Aug 1, 2027"). A date alone is its midnight, a clock alone means today, a
// month and a day this year, the name of a day the next such day. Zones: Z, UTC, GMT, "+02:00",
// "+0200", "+02", or the name of the reader's own. Unreadable is also what could be two moments
// (01/02/2027) and what the calendar does not have.
[[nodiscard]] Result<ZonedTime, TimeFault> read_time(std::string_view text,
                                                     const TimeDefaults& defaults);
// The texts above in one line, for who wrote something else.
[[nodiscard]] std::string_view readable_times();

// A moment that leaves nothing unsaid.
[[nodiscard]] std::optional<WallTime> parse_time(std::string_view text);
[[nodiscard]] std::optional<ZonedTime> parse_zoned_time(std::string_view text);

// "2026-08-01T01:00:00+00:00", with six digits of a fraction where there is one.
[[nodiscard]] std::string format_time(WallTime time);
// "2026-08-01T03:00:00+02:00".
[[nodiscard]] std::string format_time(const ZonedTime& time);

[[nodiscard]] std::chrono::year_month_day utc_day(WallTime time);

}  // namespace pgherd
