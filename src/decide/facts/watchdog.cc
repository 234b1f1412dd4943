#include "decide/facts/watchdog.h"

namespace pgherd {

Milliseconds watchdog_timeout(const Draft& draft) {
  const Milliseconds ttl = draft.seen.settings.ttl;
  const Milliseconds margin = draft.seen.self.watchdog_margin;
  return margin < 0ms ? ttl / 2 : ttl - margin;
}

bool lacks_required_watchdog(const Draft& draft) {
  return draft.seen.self.watchdog_mode == WatchdogMode::Required && !draft.seen.settings.paused &&
         !draft.seen.watchdog.is_active;
}

bool watchdog_is_unfit(const Draft& draft) {
  if (draft.seen.self.watchdog_mode != WatchdogMode::Required) return false;
  if (watchdog_timeout(draft) <= draft.margins().renew_every) return true;
  // What was in its way may have gone since: who never stood for election again for one failure
  // could be the only one left (sim seed 1280).
  return !draft.seen.watchdog.is_active && !draft.seen.watchdog.problem.empty() &&
         !draft.has_come(draft.memory.watchdog.arming_tried_at + draft.seen.settings.ttl);
}

}  // namespace pgherd
