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

LeaseMargins lease_margins(const Settings& settings, Milliseconds lease_ttl) {
  Settings held = settings;
  held.ttl = lease_ttl;
  return lease_margins(held);
}

Milliseconds probe_patience(const Settings& settings) {
  return std::clamp(std::chrono::duration_cast<Milliseconds>(settings.ttl / 10), Milliseconds(300),
                    Milliseconds(2000));
}

// Sim seed 401: with a quarter of the ttl, two lost messages cost the leadership.
Duration store_patience(const Settings& settings) {
  return std::clamp<Duration>(settings.ttl / 8, 500ms, settings.retry_timeout);
}

Milliseconds sign_of_life_every(const Settings& settings) {
  return std::clamp(settings.ttl / 8, Milliseconds(300), Milliseconds(1000));
}

Duration failsafe_after(const Settings& settings, Milliseconds lease_ttl) {
  return std::min<Duration>(settings.ttl, lease_ttl) / 2;
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
