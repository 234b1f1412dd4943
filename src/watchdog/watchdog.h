// Watchdog: the door to the machine's watchdog device: the last fence, which works even when the
// kernel hangs. Implementations: watchdog/device (Linux), the simulator's.
//
// Threads: called on the owner's loop; answers come later on that loop, each exactly once.
#pragma once

#include <functional>

#include "base/instant.h"
#include "model/watchdog_view.h"

namespace pgherd {

class Watchdog {
 public:
  virtual ~Watchdog() = default;
  using Answer = std::function<void(WatchdogView)>;

  // Opens the device and sets its timeout; once active, sets the timeout and feeds.
  virtual void activate(Milliseconds timeout, Answer done) = 0;
  // Precondition: active. A device that does not take it is closed and reported as not active.
  virtual void feed(Answer done) = 0;
  // A device that cannot be disarmed is fed a last time and stays armed; `problem` says so.
  virtual void disarm(Answer done) = 0;
};

}  // namespace pgherd
