#include "decide/rules/watchdog.h"

#include <algorithm>

#include "decide/facts/promise.h"
#include "decide/facts/watchdog.h"

namespace pgherd {

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
  if ((is_ours ? memory.watchdog.fed_for : memory.watchdog.armed_for) == since) return;
  memory.watchdog.fed_for = since;
  if (is_ours) return draft.plan(FeedWatchdog{});
  memory.watchdog.armed_for = since;
  memory.watchdog.arming_tried_at = draft.moment();
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
  if (!draft.has_come(memory.watchdog.disarm_again_at)) return;
  const WatchdogView& device = draft.seen.watchdog;
  memory.watchdog.disarm_again_at =
      draft.moment() + std::min<Duration>(draft.margins().renew_every, device.timeout / 2);
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
    memory.watchdog.disarm_again_at = {};
    return feed_or_arm(draft, timeout);
  }
  // Wanted again within the same renewal it is armed at once.
  memory.watchdog.fed_for = memory.watchdog.armed_for = {};
  const InstanceView& instance = draft.instance();
  const bool may_be_open = instance.is_running_primary() || draft.has_act_under_way() ||
                           instance.process == ProcessState::Stopping ||
                           memory.bootstrap_is_unconfirmed ||
                           instance.process == ProcessState::Unknown;
  const bool is_idle = !may_be_open && (!draft.may_lead() || draft.seen.is_leaving);
  const bool is_given_up = is_off || (draft.may_lead() && !is_possible);
  if (draft.seen.watchdog.is_active && (is_paused || is_idle || is_given_up)) disarm(draft);
}

}  // namespace pgherd
