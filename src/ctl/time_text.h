// Times as operators write and read them. Pure but for the machine's time zone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "codec/time_values.h"

namespace pgherd::ctl {

// Local time: "2026-08-01 03:00:00.12345" (five digits of the fraction, as patronictl stamps).
[[nodiscard]] std::string stamp(WallTime time);
// Local time: "2026-08-01 03:00:00".
[[nodiscard]] std::string stamp_seconds(WallTime time);
// Local time: "2026-08-01 03:00:00,123", as lines of a log begin.
[[nodiscard]] std::string stamp_milliseconds(WallTime time);
// Local time: "2026-08-01T03:00", an example for a prompt.
[[nodiscard]] std::string iso_minutes(WallTime time);

// What an operator wrote for the moment of something scheduled; without a zone local time is meant.
// nullopt for "now" and for nothing; CtlError for what is no moment.
[[nodiscard]] std::optional<ZonedTime> read_schedule(std::string_view text, WallTime now);

}  // namespace pgherd::ctl
