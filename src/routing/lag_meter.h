// LagMeter: how far a standby is behind in time, from positions that the members publish now and
// then. What it says is at most as fine as they publish: once in loop_wait, each for itself.
#pragma once

#include <deque>
#include <utility>

#include "base/instant.h"
#include "model/lsn.h"

namespace pgherd {

class LagMeter {
 public:
  // The primary has published where it is. Another timeline may begin further back: what was ahead
  // of it is forgotten.
  void primary_is_at(Lsn position, Instant now);

  // Since when the primary has been further than `replayed`; 0 if it has not.
  [[nodiscard]] Milliseconds behind(Lsn replayed, Instant now) const;

  // Of the primary, the newest that is known.
  [[nodiscard]] Lsn newest() const { return marks_.empty() ? Lsn{} : marks_.back().first; }

 private:
  std::deque<std::pair<Lsn, Instant>> marks_;  // rising; each with when it was reached
};

}  // namespace pgherd
