#include "decide/decide.h"

#include "decide/rules.h"

namespace pgherd {
namespace {

void say_store_is_silent(Draft& draft) {
  if (!failsafe_is_active(draft.seen, draft.now)) {
    draft.say("waiting for the store: " + draft.seen.store.problem);
  } else if (draft.instance().is_running_primary()) {
    draft.say(
        "continue to run as a leader because failsafe mode is enabled and all members are "
        "accessible");
  } else {
    draft.say("no action. I am (" + draft.me() + "), and '" +
              draft.seen.failsafe_promise->ping.name + "' leads without the store");
  }
}

// G1 what has run away is slowed down by the agent, and told. It hides a fault of a rule, or of
// what a rule looks at; whoever reads of it should report it.
void watch_pace(Draft& draft) {
  for (const auto& [lane, until] : draft.seen.resting)
    draft.wake(until);
  for (const Lane lane : draft.seen.run_away) {
    draft.because("G1", "steps of the kind " + std::string(name_of(lane)) +
                            " follow each other without end: they are slowed down");
  }
}

// PostgreSQL's affairs, in the order in which one answer makes the next question moot.
void judge_instance(Draft& draft) {
  if (demote_what_may_not_lead(draft)) return;
  if (leave(draft)) return;
  if (step_down(draft)) return;
  if (end_act_for_reinitialize(draft) || limit_start(draft) || end_examination(draft)) return;
  if (draft.has_act_under_way()) return;
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) {
    say_store_is_silent(draft);
    return;
  }
  if (draft.instance().data_directory == DataDirectory::Unknown) return;
  if (draft.seen.settings.paused) return keep_pause(draft);
  if (check_identity(draft)) return;
  if (reinitialize(draft)) return;
  if (fill_empty_directory(draft)) return;
  if (wait_for_start(draft)) return;
  if (recover(draft)) return;
  switch (draft.leadership()) {
    case Leadership::Mine:
      return lead(draft);
    case Leadership::Others:
      return follow(draft);
    case Leadership::Nobodys:
      return run_for_leader(draft);
  }
}

}  // namespace

Decision decide(const Observation& seen, const Memory& remembered, Instant now) {
  Draft draft(seen, remembered, now);
  remember(draft);
  watch_pace(draft);
  keep_session(draft);
  keep_failsafe(draft);
  // Before an end of the agent, so that nothing stays armed that nobody feeds.
  keep_watchdog(draft);
  judge_instance(draft);
  void_late_release(draft);
  keep_house(draft);
  publish(draft);
  look_at_instance(draft);
  order_fence(draft);
  return draft.finish();
}

}  // namespace pgherd
