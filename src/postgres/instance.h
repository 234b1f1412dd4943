// Instance: the door to the local PostgreSQL. It carries out one long act at a time, small acts
// beside it, and looks at the server when asked or when something happens by itself.
// Implementations: postgres/local (real), sim's invented PostgreSQL.
//
// Threads: called on the owner's loop, never blocks; every callback comes later on that loop.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/instant.h"
#include "model/instance_view.h"
#include "steps/step.h"

namespace pgherd {

struct ActResult {
  ActOutcome outcome = ActOutcome::Done;
  std::string detail;  // for the log; on failure what failed and what the operator can do
  // Of ExamineDivergence only.
  std::optional<DivergenceSeen> divergence;
};

class Instance {
 public:
  virtual ~Instance() = default;

  // Carries out a step of the lanes Instance, Slots, Checkpoint, Replay or Configuration, and
  // answers once when it has ended in whatever way. The caller starts at most one per lane.
  virtual void perform(const Step& step, std::function<void(ActResult)> done) = 0;

  // Ends the long act under way as fast as is safe; its `done` comes with Cancelled (or with how it
  // ended, if it was too late). A promotion past its point of no return is not undone.
  virtual void cancel() = 0;

  // The long act under way may open PostgreSQL for writes until then. One that is held to no lease
  // stays so; what is earlier than it was told already changes nothing.
  virtual void extend(Instant lease_valid_until) = 0;

  // Looks once: data directory, process, pg_control, one query. Always answers, within about 3 s.
  virtual void observe(std::function<void(InstanceView)> seen) = 0;

  // Called when something happened that nobody asked for: the postmaster is gone (within
  // milliseconds, through a pidfd), it started to accept connections, pg_control says "shut down"
  // while a stop is under way. The view is as of then.
  virtual void on_change(std::function<void(InstanceView)> handler) = 0;
};

}  // namespace pgherd
