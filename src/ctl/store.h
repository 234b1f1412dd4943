// Store: the asynchronous Dcs as one-shot commands want it: ask, wait, answer. While it waits it
// turns the owner's loop. Every failure is a CtlError with the store's own words.
#pragma once

#include <functional>

#include "base/clock.h"
#include "dcs/dcs.h"

namespace pgherd::ctl {

// The loop on which Dcs and Clock deliver. `turn` handles what is due, waiting for it if need be.
struct Loop {
  Clock& clock;
  std::function<void()> turn;
};

class Store {
 public:
  // Requests are given up after `patience`.
  Store(Dcs& dcs, Loop loop, Milliseconds patience = 10s);

  // Linearizable: an operator decides on what he is shown.
  [[nodiscard]] Snapshot read(const std::string& prefix);
  // Throws as well when the outcome is unknown, and says so. A refusal is the answer's business.
  [[nodiscard]] Committed commit(Transaction transaction);

  void sleep_until(Instant when);
  [[nodiscard]] Instant now() const { return loop_.clock.now(); }
  [[nodiscard]] WallTime wall_now() const { return loop_.clock.wall_now(); }

 private:
  Dcs& dcs_;
  Loop loop_;
  Milliseconds patience_;
};

}  // namespace pgherd::ctl
