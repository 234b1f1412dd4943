#include "decide/rules/upkeep.h"

#include <algorithm>

#include "decide/facts/upstream.h"
#include "decide/facts/watchdog.h"
#include "decide/moves/announcing.h"
#include "decide/moves/synchronous_release.h"
#include "decide/requests.h"

namespace pgherd {
namespace {

// How often the instance is looked at when nothing happens by itself.
Duration observe_every(const Draft& draft) {
  // A standby that commits wait for and that is gone is found out by looking.
  const bool has_waiting_commits = draft.seen.settings.synchronous_mode != SynchronousMode::Off &&
                                   draft.instance().is_running_primary() &&
                                   draft.leadership() == Leadership::Mine;
  if (has_waiting_commits) return draft.memory.sync.is_settled ? 500ms : 200ms;
  return std::min<Duration>(draft.seen.settings.loop_wait, 1s);
}

// Nothing is asked for, under way or amiss, and no rule looks at when PostgreSQL was seen: the
// plain states of asynchronous replication, in which a herd spends its life.
bool is_at_rest(const Draft& draft) {
  const Observation& seen = draft.seen;
  const Settings& settings = seen.settings;
  const bool is_plain = settings.synchronous_mode == SynchronousMode::Off && !settings.paused &&
                        !settings.failsafe_mode && !settings.standby_cluster;
  if (!is_plain || !draft.planned().empty() || draft.has_act_under_way()) return false;
  if (!seen.store.is_reachable || !seen.store.cluster || draft.cluster().failover) return false;
  if (seen.is_leaving || seen.restart_request || seen.scheduled_restart ||
      seen.reinitialize_request) {
    return false;
  }
  if (draft.memory.acts.comes_back || draft.memory.acts.failed > 0) return false;
  if (draft.memory.stepping_down.state != SteppingDown::No) return false;
  if (draft.instance().role_is_stale) return false;
  return draft.leadership() == Leadership::Mine
             ? draft.may_lead() && draft.instance().is_running_primary()
             : draft.leadership() == Leadership::Others && draft.instance().is_running_standby() &&
                   draft.instance().is_streaming;
}

// What is restarted opens for writes again: not without the lease, nor without a watchdog that is
// required (W4; sim seed 210022607).
bool may_be_opened_again(const Draft& draft) {
  return draft.may_lead() && !lacks_required_watchdog(draft);
}

// Why a scheduled restart is not carried out at its time; "" when it is.
std::string unmet_condition(const Draft& draft, const ScheduledRestart& request) {
  const InstanceView& instance = draft.instance();
  if (request.role) {
    const bool leads_standbys =
        draft.seen.settings.standby_cluster.has_value() && draft.leadership() == Leadership::Mine;
    const MemberRole role = instance.is_running_primary() ? MemberRole::Primary
                            : leads_standbys              ? MemberRole::StandbyLeader
                                                          : MemberRole::Replica;
    if (role != *request.role) {
      return "the role is " + std::string(to_string(role)) + ", not " +
             std::string(to_string(*request.role));
    }
  }
  if (request.below_version > 0 && instance.server_version >= request.below_version) {
    return "the server's version " + std::to_string(instance.server_version) + " is not below " +
           std::to_string(request.below_version);
  }
  if (request.only_if_pending && instance.pending_restart.empty()) return "no restart is pending";
  return {};
}

}  // namespace

void look_at_instance(Draft& draft) {
  if (is_at_rest(draft)) draft.rest(observe_every(draft));
  if (draft.seen.is_under_way(Lane::Observe)) return;
  const Instant due = draft.instance().seen_at + observe_every(draft);
  // At rest the agent looks by itself, and decides only when something looks different.
  const bool is_due = draft.is_at_rest() ? draft.moment() >= due : draft.has_come(due);
  if (draft.instance().process == ProcessState::Unknown || is_due) draft.plan(ObserveInstance{});
}

// U5 a standby whose replay was paused by PostgreSQL itself goes on (PostgreSQL manual, Hot
// Standby, Administrator's Overview). A recovery that somebody else has begun can be paused at its
// target, where going on ends it: PostgreSQL would accept writes without the leader key. So nothing
// goes on that recovers a backup, nor anything while nobody leads; a promotion does not wait for
// replay.
void resume_replay(Draft& draft) {
  const InstanceView& instance = draft.instance();
  const bool could_open = instance.has_recovery_signal || draft.leadership() == Leadership::Nobodys;
  if (instance.is_running_standby() && instance.replay_is_paused && !could_open &&
      !draft.seen.settings.paused && !draft.seen.is_under_way(Lane::Replay)) {
    draft.because("U5", "replay is paused: resuming it");
    draft.plan(ResumeReplay{});
  }
}

// U6 an operator's restart, when nothing else is under way; a leader keeps its lease meanwhile.
void serve_restart(Draft& draft) {
  if (!draft.seen.restart_request) return;
  (void)draft.has_come(given_up_at(*draft.seen.restart_request));  // O2 looks at it then
  if (draft.has_act_under_way() || draft.seen.is_leaving ||
      draft.memory.stepping_down.state != SteppingDown::No) {
    return;
  }
  if (draft.instance().process != ProcessState::Running) return;
  const bool is_primary = draft.instance().is_running_primary();
  // In maintenance mode nobody is held to a lease.
  const bool needs_lease = is_primary && !draft.seen.settings.paused;
  if (needs_lease && !may_be_opened_again(draft)) return;
  if (!is_released(draft)) return;
  if (draft.leadership() == Leadership::Mine && routers_are_told_first(draft)) return;
  draft.because("U6", "restarting PostgreSQL as asked");
  draft.plan(Restart{.timeout = draft.seen.restart_request->timeout,
                     .is_primary = is_primary,
                     .lease_valid_until = needs_lease ? draft.demote_at() : Instant::never(),
                     .upstream = upstream_in_standby_cluster(draft)});
}

// U8 a restart at its time, if all is then as it was asked for; one that was missed by far, or
// whose server has been restarted meanwhile, is dropped. Not in maintenance mode. Authority:
// Patroni ha.py evaluate_scheduled_restart.
void serve_scheduled_restart(Draft& draft) {
  const auto& request = draft.seen.scheduled_restart;
  if (!request || draft.seen.settings.paused || draft.seen.restart_request) return;
  const InstanceView& instance = draft.instance();
  const auto drop = [&](std::string why) {
    draft.because("U8", "the scheduled restart is dropped: " + why);
    draft.plan(DropScheduledRestart{.why = std::move(why)});
  };
  if (!instance.postmaster_start_time.empty() &&
      instance.postmaster_start_time != request->postmaster_start_time) {
    return drop("PostgreSQL has been restarted meanwhile");
  }
  const Duration ahead =
      std::chrono::microseconds(request->at.microseconds - draft.seen.wall_now.microseconds);
  if (ahead > 0ns) return draft.wake_in(ahead);
  const Duration too_late = std::max<Duration>(draft.seen.settings.loop_wait * 3 / 2, 5s);
  if (-ahead >= too_late) return drop("its time has passed long ago");
  draft.wake_in(too_late + ahead);
  if (instance.process != ProcessState::Running || !instance.in_recovery) return;
  if (std::string unmet = unmet_condition(draft, *request); !unmet.empty()) return drop(unmet);
  const bool is_primary = instance.is_running_primary();
  if (draft.has_act_under_way() || draft.seen.is_leaving ||
      (is_primary && !may_be_opened_again(draft)) ||
      draft.memory.stepping_down.state != SteppingDown::No) {
    return;
  }
  draft.because("U8", "restarting PostgreSQL as scheduled");
  draft.plan(DropScheduledRestart{.why = "it is carried out"});
  draft.plan(Restart{.timeout = request->timeout,
                     .is_primary = is_primary,
                     .lease_valid_until = is_primary ? draft.demote_at() : Instant::never(),
                     .upstream = upstream_in_standby_cluster(draft)});
}

// U4 the configuration changed: write PostgreSQL's files again and reload.
void apply_configuration(Draft& draft) {
  if (draft.instance().process != ProcessState::Running || draft.has_act_under_way() ||
      draft.seen.is_under_way(Lane::Configuration) ||
      draft.seen.self.configuration == draft.seen.applied_configuration) {
    return;
  }
  draft.because("U4", "the configuration changed: writing it and reloading PostgreSQL");
  draft.plan(ApplyConfiguration{.generation = draft.seen.self.configuration,
                                .upstream = upstream_in_standby_cluster(draft)});
}

// U3 after a promotion pg_control still shows the old timeline; until a checkpoint has corrected
// that this node is no source for pg_rewind. Authority: Patroni release notes 1.6.5, 2.0.0.
void checkpoint_after_promotion(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!instance.is_running_primary() || instance.role_is_stale || !instance.control ||
      !draft.may_lead() || draft.seen.is_under_way(Lane::Checkpoint)) {
    return;
  }
  if (instance.control->timeline < instance.timeline) {
    draft.because("U3", "checkpoint after the promotion");
    draft.plan(Checkpoint{});
  }
}

}  // namespace pgherd
