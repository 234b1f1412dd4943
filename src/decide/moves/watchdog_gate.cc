#include "decide/moves/watchdog_gate.h"

#include <algorithm>

#include "decide/facts/watchdog.h"
#include "decide/moves/stepping_down.h"

namespace pgherd {

// W4 where it is required, nobody opens for writes or stays open without it.
bool watchdog_keeps_closed(Draft& draft) {
  if (!lacks_required_watchdog(draft)) return false;
  const auto arms = [](const Step& step) { return std::holds_alternative<ActivateWatchdog>(step); };
  const bool is_being_armed =
      draft.seen.under_way_as<ActivateWatchdog>(Lane::Watchdog) != nullptr ||
      std::any_of(draft.planned().begin(), draft.planned().end(), arms);
  const bool is_awaited = is_being_armed && !draft.instance().is_running_primary();
  if (is_awaited || !watchdog_is_unfit(draft)) {
    draft.say("waiting for the watchdog");
    return true;
  }
  draft.because("W4", "the watchdog is required and cannot be used (" +
                          (draft.seen.watchdog.problem.empty() ? "its timeout would be too short"
                                                               : draft.seen.watchdog.problem) +
                          "): not leading");
  if (draft.instance().is_running_primary()) {
    begin_stepping_down(draft, DemoteMode::Immediate, {});
  } else {
    draft.leave_the_field_for(draft.seen.settings.ttl);
    draft.plan(draft.release_of_leader_key(draft.cluster().status));
  }
  return true;
}

bool watchdog_is_to_be_armed_first(Draft& draft) {
  if (!lacks_required_watchdog(draft)) return false;
  draft.say("waiting for the watchdog");
  auto& tried_at = draft.memory.watchdog.arming_tried_at;
  const bool is_due = draft.has_come(tried_at + draft.margins().renew_every);
  if (draft.seen.is_under_way(Lane::Watchdog) || !is_due) return true;
  tried_at = draft.moment();
  draft.because("W4", "the watchdog is required: arming it before PostgreSQL opens");
  draft.plan(ActivateWatchdog{.timeout = watchdog_timeout(draft)});
  return true;
}

}  // namespace pgherd
