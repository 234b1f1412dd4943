// Times as operators write and read them. Pure but for the machine's time zone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"

namespace pgherd::ctl {

// "2026-08-01T01:00:00+00:00", with six digits of a fraction when there is one.
[[nodiscard]] std::string iso_time_utc(WallTime time);
// Local time: "2026-08-01 03:00:00.12345" (five digits of the fraction, as patronictl stamps).
[[nodiscard]] std::string stamp(WallTime time);
// Local time: "2026-08-01 03:00:00".
[[nodiscard]] std::string stamp_seconds(WallTime time);
// Local time: "2026-08-01T03:00", an example for a prompt.
[[nodiscard]] std::string iso_minutes(WallTime time);

// What an operator may write for a moment, as ISO 8601 with a zone: "2026-08-01T03:00:00+02:00".
// Accepts date and time divided by 'T' or blanks, seconds and a fraction or none, and a zone ("Z",
// "+02", "+0200", "+02:00", with or without a blank before it); without one the local zone is
// meant. A date alone is its midnight. nullopt: not such a moment, or one that the calendar does
// not have.
[[nodiscard]] std::optional<std::string> parse_schedule(std::string_view text);

}  // namespace pgherd::ctl
