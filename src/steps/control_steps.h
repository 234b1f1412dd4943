// Steps on the agent itself: they are carried out at once and have no end of their own.
#pragma once

#include <string>
#include <string_view>

#include "base/instant.h"
#include "steps/lane.h"
#include "steps/outcome.h"

namespace pgherd {

// End the long act under way (its process group is killed); its end comes as an event.
struct CancelInstanceAct {
  static constexpr std::string_view kName = "CancelInstanceAct";
  static constexpr Lane kLane = Lane::Control;
  using Outcome = NoAnswer;
  std::string why;
  bool operator==(const CancelInstanceAct&) const = default;
};

// The long act under way may open PostgreSQL for writes until then, and no longer as it was told
// when it began: the lease has been renewed since. An act that is held to no lease stays so.
struct ExtendInstanceAct {
  static constexpr std::string_view kName = "ExtendInstanceAct";
  static constexpr Lane kLane = Lane::Control;
  using Outcome = NoAnswer;
  Instant lease_valid_until;
  bool operator==(const ExtendInstanceAct&) const = default;
};

// What an operator asked for is over: it cannot be done any more, or is no longer wanted.
struct DropScheduledRestart {
  static constexpr std::string_view kName = "DropScheduledRestart";
  static constexpr Lane kLane = Lane::Control;
  using Outcome = NoAnswer;
  std::string why;
  bool operator==(const DropScheduledRestart&) const = default;
};

struct DropReinitialize {
  static constexpr std::string_view kName = "DropReinitialize";
  static constexpr Lane kLane = Lane::Control;
  using Outcome = NoAnswer;
  std::string why;
  bool operator==(const DropReinitialize&) const = default;
};

// End the agent. exit_code != 0: it refuses to go on, and `message` says why and what to do.
struct Exit {
  static constexpr std::string_view kName = "Exit";
  static constexpr Lane kLane = Lane::Control;
  using Outcome = NoAnswer;
  int exit_code = 0;
  std::string message;
  bool operator==(const Exit&) const = default;
};

}  // namespace pgherd
