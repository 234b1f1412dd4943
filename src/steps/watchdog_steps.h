// Steps on the watchdog device.
#pragma once

#include <string_view>

#include "base/instant.h"
#include "steps/lane.h"
#include "steps/outcome.h"

namespace pgherd {

// From now on the machine is reset when the device is not fed for `timeout`.
struct ActivateWatchdog {
  static constexpr std::string_view kName = "ActivateWatchdog";
  static constexpr Lane kLane = Lane::Watchdog;
  using Outcome = WatchdogAnswer;
  Milliseconds timeout{};
  bool operator==(const ActivateWatchdog&) const = default;
};

// Only ever after a confirmed renewal.
struct FeedWatchdog {
  static constexpr std::string_view kName = "FeedWatchdog";
  static constexpr Lane kLane = Lane::Watchdog;
  using Outcome = WatchdogAnswer;
  bool operator==(const FeedWatchdog&) const = default;
};

struct DisarmWatchdog {
  static constexpr std::string_view kName = "DisarmWatchdog";
  static constexpr Lane kLane = Lane::Watchdog;
  using Outcome = WatchdogAnswer;
  bool operator==(const DisarmWatchdog&) const = default;
};

}  // namespace pgherd
