#include <algorithm>

#include "decide/rules.h"

namespace pgherd {
namespace {

constexpr int kStartsBeforeGivingWay = 2;

bool was_primary(const ControlData& control) {
  return control.state == ControlState::InProduction || control.state == ControlState::ShutDown ||
         control.state == ControlState::ShuttingDown ||
         control.state == ControlState::InCrashRecovery ||
         control.state == ControlState::StartingUp;
}

bool others_could_lead(const Draft& draft) {
  for (const auto& [name, member] : draft.cluster().members) {
    const bool is_electable = !is_synchronous(draft) || is_in_sync(draft, name);
    if (name != draft.me() && is_electable && !member.tags.nofailover && !member.api_url.empty()) {
      return true;
    }
  }
  return false;
}

void give_way(Draft& draft, std::string why) {
  draft.memory.lead_again_at = draft.now + draft.seen.settings.ttl;
  draft.memory.failed_acts = 0;
  draft.because("R2", std::move(why));
  draft.say("removed leader key after trying and failing to start postgres");
  draft.plan(draft.release_of_leader_key(draft.cluster().status));
}

// R1 the leader's PostgreSQL died: start it again in place, on the same timeline; the key is ours
// without a break, so nobody else can have become primary since. R2 it will not start: give way.
// R3 what lies here is a standby's: start it, it will be promoted.
void recover_as_leader(Draft& draft) {
  const ControlData& control = *draft.instance().control;
  if (!draft.may_lead()) return;
  if (draft.now < draft.memory.lead_again_at) {  // R2 was decided before
    draft.plan(draft.release_of_leader_key(draft.cluster().status));
    return;
  }
  // Until the checkpoint after a promotion only the end-of-recovery mark shows the new timeline.
  const Timeline timeline = std::max(control.timeline, control.minimum_recovery_timeline);
  const bool is_current = !(timeline < draft.newest_timeline_of_all());
  if (!was_primary(control) || draft.instance().has_standby_signal || !is_current) {
    if (!draft.act_may_be_tried()) return draft.wake(draft.memory.retry_act_at);
    draft.because("R3", "holding the leader key with a standby's data: starting it to be promoted");
    draft.plan(StartStandby{});
    return;
  }
  const bool may_restart = draft.seen.settings.primary_start_timeout > 0ms;
  if (others_could_lead(draft) &&
      (!may_restart || draft.memory.failed_acts >= kStartsBeforeGivingWay)) {
    return give_way(draft, may_restart
                               ? "PostgreSQL failed to start " +
                                     std::to_string(draft.memory.failed_acts) +
                                     " times: releasing the leader key"
                               : "primary_start_timeout is 0: failing over instead of restarting");
  }
  // The first attempts follow each other at once: every moment is an outage.
  if (draft.memory.failed_acts >= kStartsBeforeGivingWay && !draft.act_may_be_tried()) {
    return draft.wake(draft.memory.retry_act_at);
  }
  draft.because("R1", "PostgreSQL is down and the leader key is mine: starting it in place");
  draft.say("starting primary after failure");
  draft.plan(StartPrimary{.lease_valid_until = draft.demote_at()});
}

// F6 while nothing but another attempt is left to do.
void say_rewind_failed(Draft& draft) {
  const auto& act = draft.seen.last_act;
  const bool has_detail = act && std::holds_alternative<Rewind>(act->step);
  draft.say("pg_rewind failed" + (has_detail ? " (" + act->detail + ")" : std::string()) +
            " and will be tried again; 'ctl reinit' for this member makes a fresh copy instead");
}

// R5 a former primary first compares histories with the new one, at rest, before it may follow.
// R6 a standby's data can be started straight away.
void recover_as_follower(Draft& draft) {
  const ControlData& control = *draft.instance().control;
  if (!draft.act_may_be_tried()) {
    if (draft.memory.rewind_failed) say_rewind_failed(draft);
    return draft.wake(draft.memory.retry_act_at);
  }
  const auto upstream = upstream_for(draft);
  if (!was_primary(control) && !draft.seen.divergence) {
    draft.because("R6", "PostgreSQL is down: starting it as a standby");
    draft.plan(StartStandby{.upstream = upstream.value_or(Upstream{})});
    return;
  }
  draft.because("R5", "this was a primary: its history is compared before it follows");
  repair_divergence(draft);
}

// R8 PostgreSQL died between initdb and the keys of the new cluster: whoever still holds the claim
// opens it again and goes on; everybody else waits (sim seed 2486).
void recover_unfinished_cluster(Draft& draft) {
  const auto& initialize = draft.cluster().initialize;
  const bool is_mine = initialize && initialize->is_in_progress() && draft.has_lease() &&
                       initialize->lease == draft.seen.session.lease;
  if (!is_mine || !draft.memory.bootstrap_is_unconfirmed || draft.now >= draft.demote_at()) {
    draft.say("waiting for the cluster to be made: the initialize key is not settled");
    return;
  }
  if (!draft.act_may_be_tried()) return draft.wake(draft.memory.retry_act_at);
  draft.because("R8",
                "the new cluster's PostgreSQL is down and the claim is mine: starting it again");
  draft.plan(StartPrimary{.lease_valid_until = draft.demote_at()});
}

}  // namespace

bool wait_for_start(Draft& draft) {
  const ProcessState process = draft.instance().process;
  if (process == ProcessState::Unknown || process == ProcessState::Stopping) return true;
  if (process != ProcessState::Starting) return false;
  draft.say("PostgreSQL is still starting up");
  if (draft.leadership() != Leadership::Mine) return true;
  const Instant limit = *draft.memory.starting_since + draft.seen.settings.primary_start_timeout;
  if (draft.now < limit || !others_could_lead(draft)) {
    draft.wake(limit > draft.now ? limit : draft.now + draft.seen.settings.loop_wait);
    return true;
  }
  // R7: Patroni's primary_start_timeout.
  draft.because("R7", "PostgreSQL has been starting for primary_start_timeout: giving way");
  begin_stepping_down(draft, DemoteMode::Immediate, {});
  return true;
}

bool recover(Draft& draft) {
  if (draft.instance().process != ProcessState::Stopped) return false;
  if (!draft.instance().control) {
    draft.say("PostgreSQL is down and its pg_control cannot be read");
    return true;
  }
  draft.say("PostgreSQL is not running");
  switch (draft.leadership()) {
    case Leadership::Mine:
      recover_as_leader(draft);
      break;
    case Leadership::Others:
      recover_as_follower(draft);
      break;
    case Leadership::Nobodys:
      // R4 whoever has just stepped down leaves the field to its successor for a moment.
      if (!draft.cluster().initialize || !draft.cluster().initialize->is_valid()) {
        recover_unfinished_cluster(draft);
      } else if (draft.now < draft.memory.lead_again_at && was_primary(*draft.instance().control)) {
        draft.wake(draft.memory.lead_again_at);
      } else if (!draft.act_may_be_tried()) {
        draft.wake(draft.memory.retry_act_at);
      } else {
        draft.because("R4", "nobody leads and PostgreSQL is down: starting it read-only");
        draft.plan(StartStandby{});
      }
      break;
  }
  return true;
}

}  // namespace pgherd
