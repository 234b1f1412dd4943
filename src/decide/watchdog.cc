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
  // What was in its way may have gone since: who never stood for election again for one failure
  // could be the only one left (sim seed 1280).
  return !draft.seen.watchdog.is_active && !draft.seen.watchdog.problem.empty() &&
         draft.now < draft.memory.arming_tried_at + draft.seen.settings.ttl;
}

namespace {

// W1 armed when this node leads, before PostgreSQL opens, and fed once for each confirmed renewal,
// never by a clock of its own (safety C6): it resets the machine `safety_margin` before the lease
// can end. What cannot be armed is tried again with the next renewal and not before. Authority:
// Patroni watchdog/base.py.
void feed_or_arm(Draft& draft, Milliseconds timeout) {
  Memory& memory = draft.memory;
  const WatchdogView& device = draft.seen.watchdog;
  const Instant since = leads_since(draft.seen);
  const bool is_ours = device.is_active && device.timeout == timeout;
  // One that has just refused to be fed is armed anew at once.
  if ((is_ours ? memory.fed_for : memory.armed_for) == since) return;
  memory.fed_for = since;
  if (is_ours) return draft.plan(FeedWatchdog{});
  memory.armed_for = since;
  memory.arming_tried_at = draft.now;
  if (device.problem.empty()) {
    draft.because("W1", "arming the watchdog with " + std::to_string(timeout / 1s) + " s");
  }
  draft.plan(ActivateWatchdog{.timeout = timeout});
}

// W3 disarmed in maintenance mode, where nothing can be open for writes, and where it is not to be
// used any more: one that is left armed resets the machine. A device that cannot be disarmed is fed
// by each attempt, and they follow each other fast enough for that.
void disarm(Draft& draft) {
  Memory& memory = draft.memory;
  if (draft.now < memory.disarm_again_at) return draft.wake(memory.disarm_again_at);
  const WatchdogView& device = draft.seen.watchdog;
  memory.disarm_again_at =
      draft.now + std::min<Duration>(draft.margins().renew_every, device.timeout / 2);
  if (device.problem.empty()) draft.because("W3", "disarming the watchdog");
  draft.plan(DisarmWatchdog{});
}

}  // namespace

void keep_watchdog(Draft& draft) {
  if (draft.seen.is_under_way(Lane::Watchdog)) return;
  Memory& memory = draft.memory;
  const bool is_off = draft.seen.self.watchdog_mode == WatchdogMode::Off;
  const bool is_paused = draft.seen.settings.paused;
  const Milliseconds timeout = watchdog_timeout(draft);
  const bool is_possible = timeout > draft.margins().renew_every;
  if (draft.may_lead() && !is_off && !is_paused && is_possible) {
    memory.disarm_again_at = {};
    return feed_or_arm(draft, timeout);
  }
  // Wanted again within the same renewal it is armed at once.
  memory.fed_for = memory.armed_for = {};
  const InstanceView& instance = draft.instance();
  const bool may_be_open = instance.is_running_primary() || draft.has_act_under_way() ||
                           instance.process == ProcessState::Stopping ||
                           instance.process == ProcessState::Unknown;
  const bool is_idle = !may_be_open && (!draft.may_lead() || draft.seen.is_leaving);
  const bool is_given_up = is_off || (draft.may_lead() && !is_possible);
  if (draft.seen.watchdog.is_active && (is_paused || is_idle || is_given_up)) disarm(draft);
}

// W4 where it is required, nobody opens for writes or stays open without it.
bool watchdog_keeps_closed(Draft& draft) {
  if (draft.seen.self.watchdog_mode != WatchdogMode::Required || draft.seen.settings.paused) {
    return false;
  }
  if (draft.seen.watchdog.is_active) return false;
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

}  // namespace pgherd
