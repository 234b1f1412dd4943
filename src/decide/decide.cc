#include "decide/decide.h"

#include "decide/facts/promise.h"
#include "decide/facts/upstream.h"
#include "decide/moves/announcing.h"
#include "decide/moves/watchdog_gate.h"
#include "decide/remember.h"
#include "decide/rules/bootstrap.h"
#include "decide/rules/demotion.h"
#include "decide/rules/election.h"
#include "decide/rules/failsafe.h"
#include "decide/rules/fence.h"
#include "decide/rules/follow.h"
#include "decide/rules/lease.h"
#include "decide/rules/leaving.h"
#include "decide/rules/pause.h"
#include "decide/rules/promotion.h"
#include "decide/rules/publish.h"
#include "decide/rules/receiver.h"
#include "decide/rules/recovery.h"
#include "decide/rules/reinitialize.h"
#include "decide/rules/slots.h"
#include "decide/rules/standby_cluster.h"
#include "decide/rules/switchover.h"
#include "decide/rules/synchronous.h"
#include "decide/rules/upkeep.h"
#include "decide/rules/watchdog.h"

namespace pgherd {
namespace {

void say_store_is_silent(Draft& draft) {
  if (draft.has_come(end_of_failsafe(draft.seen))) {
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

// This node leads a standby cluster: it follows another one, and never promotes.
void lead_standbys(Draft& draft) {
  if (demote_for_remote_primary(draft) || point_at_remote_primary(draft)) return;
  if (!handle_failover_request(draft)) compare_with_remote_primary(draft);
}

void become_primary(Draft& draft) {
  if (waits_for_promise(draft) || watchdog_keeps_closed(draft)) return;
  if (settle_refused_promotion(draft)) return;
  const bool is_prepared = prepare_synchronous(draft);
  promote(draft, is_prepared);
}

// `/leader` is mine. Everything here presumes a confirmed lease with margin.
void lead(Draft& draft) {
  if (!draft.may_lead()) {
    draft.say("waiting for the store to confirm the leader key");
    return;
  }
  if (!draft.seen.is_under_way(Lane::FailoverRequest)) clear_served_request(draft);
  if (draft.seen.settings.standby_cluster) return lead_standbys(draft);
  if (draft.instance().is_running_standby()) return become_primary(draft);
  if (!draft.instance().is_running_primary() || watchdog_keeps_closed(draft)) return;
  draft.say("no action. I am (" + draft.me() + "), the leader with the lock");
  withdraw_announcement(draft);
  if (!handle_failover_request(draft)) keep_synchronous(draft);
}

// Somebody else leads.
void follow(Draft& draft) {
  if (!draft.instance().is_running_standby()) return;
  say_follows(draft);
  forget_synchronous(draft);
  const auto upstream = upstream_for(draft);
  if (!upstream || point_at(draft, *upstream)) return;
  note_stream(draft);
  wake_receiver(draft, *upstream);
  doubt_history(draft, *upstream);
}

// M1 in maintenance mode nothing is started, stopped, promoted or dropped but what an operator asks
// for; the session with the store and what is published go on. Authority: Patroni, patronictl
// pause (documentation, Pause/Resume mode).
void judge_paused_instance(Draft& draft) {
  draft.say("no action. I am (" + draft.me() + ")");
  if (end_own_bootstrap(draft) || has_foreign_data(draft)) return;
  restore_lost_keys(draft);
  if (reinitialize(draft)) return;
  switch (look_at_paused_server(draft)) {
    case PausedServer::Runs:
      break;
    case PausedServer::ComesBack:
      if (!fill_empty_directory(draft)) (void)recover(draft);
      return;
    case PausedServer::IsToBeRecovered:
      (void)recover(draft);
      return;
    case PausedServer::IsSettled:
      return;
  }
  switch (draft.leadership()) {
    case Leadership::Mine:
      if (!gives_back_standbys_key(draft)) lead(draft);
      return;
    case Leadership::Others:
      if (draft.instance().is_running_standby()) return follow(draft);
      return stay_beside_leader(draft);
    case Leadership::Nobodys:
      return run_for_leader(draft);
  }
}

// PostgreSQL's affairs, in the order in which one answer makes the next question moot.
void judge_instance(Draft& draft) {
  if (demote_what_may_not_lead(draft)) return;
  // Who is about to go is the last who can write lost keys again.
  if (leave(draft) || step_down(draft)) return restore_lost_keys(draft);
  if (end_act_for_reinitialize(draft) || limit_start(draft) || end_examination(draft)) return;
  if (draft.has_act_under_way()) return;
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) {
    say_store_is_silent(draft);
    serve_reads_without_store(draft);
    return;
  }
  if (draft.instance().data_directory == DataDirectory::Unknown) return;
  if (draft.seen.settings.paused) return judge_paused_instance(draft);
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

// Slots, checkpoint after a promotion, configuration, operators' restarts.
void keep_house(Draft& draft) {
  resume_replay(draft);
  if (!draft.seen.store.cluster) return;
  // Without the store the slots follow what a promised leader says, and what the members say to a
  // leader that they accept.
  if (!draft.seen.store.is_reachable) {
    const bool leads =
        draft.instance().is_running_primary() && !draft.has_come(end_of_failsafe(draft.seen));
    if (leads || promise_in_force(draft) != nullptr) keep_slots(draft);
    return;
  }
  serve_restart(draft);
  serve_scheduled_restart(draft);
  apply_configuration(draft);
  checkpoint_after_promotion(draft);
  keep_slots(draft);
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
  extend_act(draft);
  void_late_release(draft);
  keep_house(draft);
  publish(draft);
  look_at_instance(draft);
  order_fence(draft);
  return draft.finish();
}

}  // namespace pgherd
