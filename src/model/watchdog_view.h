// WatchdogView: what is known of this machine's watchdog device, which resets the machine when
// nobody feeds it in time.
#pragma once

#include <string>

#include "base/instant.h"

namespace pgherd {

enum class WatchdogMode {
  Off,
  Automatic,  // used where there is one
  Required,   // no leader without it
};

struct WatchdogView {
  bool is_active = false;
  Milliseconds timeout{};  // of the active device: from one feeding to the reset
  std::string problem;     // why it could not be activated, or fed; "" after a success
  friend bool operator==(const WatchdogView&, const WatchdogView&) = default;
};

}  // namespace pgherd
