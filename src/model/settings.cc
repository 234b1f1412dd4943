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

Settings with_overrides(Settings settings, const LocalOverrides& overrides) {
  settings.use_pg_rewind = overrides.use_pg_rewind.value_or(settings.use_pg_rewind);
  settings.remove_data_directory_on_rewind_failure =
      overrides.remove_data_directory_on_rewind_failure.value_or(
          settings.remove_data_directory_on_rewind_failure);
  settings.remove_data_directory_on_diverged_timelines =
      overrides.remove_data_directory_on_diverged_timelines.value_or(
          settings.remove_data_directory_on_diverged_timelines);
  return settings;
}

}  // namespace pgherd
