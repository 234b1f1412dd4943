// Fence: the door to the guardian, the small process that stops PostgreSQL when the agent no longer
// can. The order stands until it is replaced, also when the agent dies.
#pragma once

#include <cstdint>

#include "base/instant.h"

namespace pgherd {

class Fence {
 public:
  virtual ~Fence() = default;
  // If nothing newer is ordered before `at`, the postmaster `pid` (0: whichever runs on the data
  // directory) and all its children are killed at that instant.
  virtual void arm(Instant at, std::int64_t postmaster_pid) = 0;
  // As arm, but an order that stands and comes earlier stays: before a key is bound to a shorter
  // lease, by an agent that may not know what its predecessor ordered.
  virtual void arm_no_later(Instant at, std::int64_t postmaster_pid) = 0;
  // PostgreSQL is not open for writes (standby, or stopped).
  virtual void disarm() = 0;
};

}  // namespace pgherd
