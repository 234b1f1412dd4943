#include "model/settings.h"

#include <algorithm>

namespace pgherd {

LeaseMargins lease_margins(const Settings& settings) {
  const Duration ttl = settings.ttl;
  const Duration stopping = std::clamp<Duration>(ttl / 4, 500ms, 5s);
  return LeaseMargins{
      .renew_every = std::min<Duration>(settings.loop_wait, ttl / 4),
      .demote_after = ttl - stopping,
      .fence_after = ttl - stopping / 2,
  };
}

}  // namespace pgherd
