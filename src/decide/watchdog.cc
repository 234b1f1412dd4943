#include <algorithm>

#include "decide/rules.h"

namespace pgherd {

Milliseconds watchdog_timeout(const Draft& draft) {
  const Milliseconds ttl = draft.seen.settings.ttl;
  const Milliseconds margin = draft.seen.self.watchdog_margin;
  return margin < 0ms ? ttl / 2 : ttl - margin;
}

bool watchdog_is_unfit(const Draft& draft) {
  if (draft.seen.self.watchdog_mode != WatchdogMode::Required) return false;
  if (watchdog_timeout(draft) <= draft.margins().renew_every) return true;
  return !draft.seen.watchdog.is_active && !draft.seen.watchdog.problem.empty();
}

// W1 armed when this node leads, before PostgreSQL opens, and fed once for each confirmed renewal,
// never by a clock of its own (safety C6): it resets the machine `safety_margin` before the lease
// can end. W3 disarmed in maintenance mode and where nothing can be open for writes. Authority:
// Patroni watchdog/base.py; spec ha-loop 14.
void keep_watchdog(Draft& draft) {
  const WatchdogMode mode = draft.seen.self.watchdog_mode;
  const WatchdogView& device = draft.seen.watchdog;
  if (draft.seen.is_under_way(Lane::Watchdog)) return;
  const InstanceView& instance = draft.instance();
  const bool may_be_open = instance.is_running_primary() || draft.has_act_under_way() ||
                           instance.process == ProcessState::Stopping ||
                           instance.process == ProcessState::Unknown;
  const bool is_wanted =
      mode != WatchdogMode::Off && !draft.seen.settings.paused && draft.may_lead();
  const Instant since = leads_since(draft.seen);
  const Milliseconds timeout = watchdog_timeout(draft);
  if (is_wanted && timeout > draft.margins().renew_every) {
    const bool is_ours = device.is_active && device.timeout == timeout;
    if (is_ours && draft.memory.fed_for == since) return;
    // What is not there is looked for again with each renewal.
    draft.memory.fed_for = since;
    if (is_ours) {
      draft.plan(FeedWatchdog{});
    } else {
      if (device.problem.empty()) {
        draft.because("W1", "arming the watchdog with " + std::to_string(timeout / 1s) + " s");
      }
      draft.plan(ActivateWatchdog{.timeout = timeout});
    }
    return;
  }
  const bool is_idle = !may_be_open && (!draft.may_lead() || draft.seen.is_leaving);
  if (device.is_active && (draft.seen.settings.paused || is_idle)) {
    draft.because("W3", "disarming the watchdog");
    draft.plan(DisarmWatchdog{});
  }
}

// W4 where it is required, nobody opens for writes or stays open without it.
bool watchdog_keeps_closed(Draft& draft) {
  if (draft.seen.self.watchdog_mode != WatchdogMode::Required || draft.seen.settings.paused) {
    return false;
  }
  if (draft.seen.watchdog.is_active) return false;
  if (!watchdog_is_unfit(draft)) {  // not tried yet
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
    draft.memory.lead_again_at = draft.now + draft.seen.settings.ttl;
    draft.plan(draft.release_of_leader_key(draft.cluster().status));
  }
  return true;
}

}  // namespace pgherd
