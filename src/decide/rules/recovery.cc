#include "decide/rules/recovery.h"

#include <algorithm>

#include "decide/facts/claim.h"
#include "decide/facts/opening.h"
#include "decide/facts/upstream.h"
#include "decide/moves/failed_promotion.h"
#include "decide/moves/fresh_word.h"
#include "decide/moves/giving_way.h"
#include "decide/moves/handing_over.h"
#include "decide/moves/repair.h"
#include "decide/moves/stepping_down.h"
#include "decide/moves/watchdog_gate.h"

namespace pgherd {
namespace {

constexpr int kStartsBeforeGivingWay = 2;
// A standby leader's history with the remote primary's, when it does not start.
constexpr Duration kCompareAgain = 10s;

void give_way(Draft& draft, std::string_view rule, std::string why) {
  draft.leave_the_field_for(draft.seen.settings.ttl);
  draft.memory.acts.failed = 0;
  draft.memory.crashes.count = 0;
  draft.because(rule, std::move(why));
  draft.say("removed leader key after trying and failing to start postgres");
  draft.plan(draft.release_of_leader_key(draft.cluster().status));
}

// A limit of zero means "fail over rather than restart"; where nobody could take over, it is
// started all the same, and then given some time. After a failed promotion others wait (K6).
Duration start_limit(const Draft& draft) {
  const Settings& settings = draft.seen.settings;
  const Duration limit = std::max<Duration>(settings.primary_start_timeout, 1s);
  return draft.memory.promotion.failures > 0 ? std::min<Duration>(limit, settings.ttl) : limit;
}

// R10 a server that crashes again and again is no leader: the second time within a minute where a
// synchronous standby has everything, the third time where losing what is allowed to be lost is the
// lesser evil (Patroni would go on without end).
bool is_crash_loop(const Draft& draft) {
  const Settings& settings = draft.seen.settings;
  const auto& sync = draft.cluster().sync;
  const bool has_synchronous = settings.synchronous_mode != SynchronousMode::Off && sync &&
                               sync->leader == draft.me() && !sync->standbys.empty();
  return draft.memory.crashes.count >= (has_synchronous ? 2 : 3);
}

// True: settled, by giving way or by waiting for those who could take over.
bool should_give_way(Draft& draft) {
  // A limit of zero is about servers that crashed. One that was shut down here on the way of a
  // handover that has failed has what its successor lacks (sim seed 70064373).
  const bool is_shut_down = draft.instance().control->state == ControlState::ShutDown;
  const bool may_restart = draft.seen.settings.primary_start_timeout > 0ms || is_shut_down;
  const bool has_failed = draft.memory.acts.failed >= kStartsBeforeGivingWay;
  if (may_restart && !has_failed && !is_crash_loop(draft)) return false;
  switch (prospect_of_failover(draft)) {
    case Prospect::No:
      return false;
    case Prospect::Unknown:
      draft.say("asking who could take over before starting PostgreSQL in place");
      return true;
    case Prospect::Yes:
      break;
  }
  if (!may_restart) {
    give_way(draft, "R2", "primary_start_timeout is 0: failing over instead of restarting");
  } else if (has_failed) {
    give_way(draft, "R2",
             "PostgreSQL failed to start " + std::to_string(draft.memory.acts.failed) +
                 " times: releasing the leader key");
  } else {
    give_way(draft, "R10",
             "PostgreSQL crashed " + std::to_string(draft.memory.crashes.count) +
                 " times in a row: releasing the leader key");
  }
  return true;
}

// C3 on a server that is down. Unlike a member's, its data are never removed (safety 96); where
// they cannot be rewound it is started all the same, for it can be read. True: settled for now.
bool repair_standby_leader(Draft& draft, const Upstream& remote) {
  const ControlData& control = *draft.instance().control;
  const auto& seen = draft.seen.divergence;
  const bool is_known =
      seen && seen->source == remote.name && !draft.has_come(seen->seen_at + kCompareAgain);
  const bool is_doubtful = was_primary(control) || draft.memory.acts.failed > 0;
  if (!is_known) {
    if (remote.host.empty() || !is_doubtful) return false;
    draft.because("C3", "comparing the local history with the remote primary's");
    draft.plan(ExamineDivergence{.source = remote});
    return true;
  }
  if (seen->verdict != Divergence::Diverged) return false;
  if (!draft.seen.settings.use_pg_rewind || !control.can_be_rewound) {
    draft.say("the local data has left the history of the remote primary (" + seen->detail +
              "), and pg_rewind is off or impossible: make this cluster anew");
    return false;
  }
  draft.because("C3", "running pg_rewind from the remote primary: " + seen->detail);
  draft.plan(Rewind{.source = remote});
  return true;
}

void recover_as_standby_leader(Draft& draft) {
  const bool has_failed = draft.memory.acts.failed >= kStartsBeforeGivingWay;
  if (has_failed && should_give_way(draft)) return;
  if (!draft.act_may_be_tried()) return;
  const auto remote = remote_primary(draft);
  if (repair_standby_leader(draft, *remote)) return;
  draft.because("C1", "leading a standby cluster: starting as a standby of the remote primary");
  draft.plan(StartStandby{.upstream = *remote});
}

// R1 the leader's PostgreSQL died: start it again in place, on the same timeline; the key is ours
// without a break, so nobody else can have become primary since. In maintenance mode the lease does
// not close it again, so the store has to be heard once more (sim seed 350120776). R2 it will not
// start: give way. R3 what lies here is a standby's: others may have come up meanwhile that are
// ahead of it, so the key is given back and the election compares again (sim seed 2973).
void recover_as_leader(Draft& draft) {
  const ControlData& control = *draft.instance().control;
  if (!draft.may_lead()) return;
  if (!draft.has_come(draft.memory.election.lead_again_at)) {  // R2 was decided before
    draft.plan(draft.release_of_leader_key(draft.cluster().status));
    return;
  }
  if (draft.seen.settings.standby_cluster) return recover_as_standby_leader(draft);
  const bool is_standbys = !was_primary(control) || draft.instance().has_standby_signal;
  if (is_standbys && settle_failed_promotion(draft)) return;
  const bool is_current = !(timeline_at_rest(control) < draft.newest_timeline_of_all());
  if (is_standbys || !is_current) {
    draft.because("R3",
                  "holding the leader key with a standby's data: giving the key back, so that "
                  "the members compare again who is ahead");
    draft.plan(draft.release_of_leader_key(draft.cluster().status));
    return;
  }
  if (should_give_way(draft)) return;
  // The first attempts follow each other at once: every moment is an outage.
  if (draft.memory.acts.failed >= kStartsBeforeGivingWay && !draft.act_may_be_tried()) {
    return;
  }
  if (watchdog_keeps_closed(draft)) return;
  if (draft.seen.settings.paused && !store_says_so_still(draft)) return;
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

// Data that were started read-only while nobody led (R4, R11) look like a standby's, and may have
// left the leader's history all the same. With an archive that holds the new history PostgreSQL
// does not even start on them.
bool is_doubtful_standby(const Draft& draft) {
  constexpr int kStartsBeforeDoubt = 2;
  const Member* leader = draft.cluster().leader_member();
  return draft.memory.acts.failed >= kStartsBeforeDoubt && leader != nullptr &&
         leads_by_its_own_word(*leader) && leader_as_source(draft);
}

// R5 a former primary first compares histories with the new one, at rest, before it may follow.
// R6 a standby's data can be started straight away. R12 unless that has failed twice.
void recover_as_follower(Draft& draft) {
  const ControlData& control = *draft.instance().control;
  if (!draft.act_may_be_tried()) {
    if (draft.memory.acts.rewind_failed) say_rewind_failed(draft);
    return;
  }
  const auto upstream = upstream_for(draft);
  const bool is_doubtful = is_doubtful_standby(draft);
  if (!was_primary(control) && !draft.seen.divergence && !is_doubtful) {
    draft.because("R6", "PostgreSQL is down: starting it as a standby");
    draft.plan(StartStandby{.upstream = upstream.value_or(Upstream{})});
    return;
  }
  if (was_primary(control) || !is_doubtful) {
    draft.because("R5",
                  "a primary's data, or a backup's: their history is compared before they follow");
  } else {
    draft.because("R12", "PostgreSQL has failed to start as a standby: its history is compared");
  }
  repair_divergence(draft);
}

// R8 PostgreSQL died between initdb and the keys of the new cluster: whoever still holds the claim
// opens it again and goes on; everybody else waits (sim seed 2486).
void recover_unfinished_cluster(Draft& draft) {
  const bool is_mine = is_bootstrapping(draft) && draft.has_lease();
  if (is_mine && draft.seen.settings.standby_cluster) {
    if (!draft.act_may_be_tried()) return;
    draft.because("C4", "the copy of the remote primary is there: starting it");
    draft.plan(StartStandby{.upstream = *remote_primary(draft)});
    return;
  }
  if (!is_mine || !draft.memory.bootstrap_is_unconfirmed || draft.has_come(draft.demote_at())) {
    draft.say("waiting for the cluster to be made: the initialize key is not settled");
    return;
  }
  if (!draft.act_may_be_tried() || watchdog_is_to_be_armed_first(draft)) return;
  draft.because("R8",
                "the new cluster's PostgreSQL is down and the claim is mine: starting it again");
  draft.plan(StartPrimary{.lease_valid_until = draft.demote_at()});
}

}  // namespace

// R7 while the act of starting is still under way: it is ended, and the key released (R2's wait).
// Likewise of a server that comes up read-only and whose node has got its key back meanwhile (R11):
// it is to be promoted (sim seed 10007644).
bool limit_start(Draft& draft) {
  const bool is_to_be_promoted = draft.seen.under_way_as<StartStandby>(Lane::Instance) != nullptr &&
                                 !draft.seen.settings.standby_cluster;
  if ((draft.seen.under_way_as<StartPrimary>(Lane::Instance) == nullptr && !is_to_be_promoted) ||
      draft.seen.settings.paused || !draft.seen.store.is_reachable || !draft.seen.store.cluster ||
      draft.leadership() != Leadership::Mine || !draft.cluster().initialize ||
      draft.cluster().initialize->is_in_progress()) {
    return false;
  }
  const Instant limit = draft.seen.under_way.at(Lane::Instance).started_at + start_limit(draft);
  if (!draft.has_come(limit)) return false;
  const Prospect prospect = prospect_of_failover(draft);
  if (prospect != Prospect::Yes) {
    if (prospect == Prospect::No) draft.wake_in(draft.seen.settings.loop_wait);
    return false;
  }
  draft.because("R7", "PostgreSQL has been starting for primary_start_timeout: giving way");
  draft.say("giving way: PostgreSQL does not come up in time");
  draft.leave_the_field_for(draft.seen.settings.ttl);
  draft.plan(CancelInstanceAct{.why = "primary_start_timeout is over"});
  return true;
}

bool wait_for_start(Draft& draft) {
  const ProcessState process = draft.instance().process;
  if (process == ProcessState::Unknown || process == ProcessState::Stopping) return true;
  if (process != ProcessState::Starting) return false;
  draft.say("PostgreSQL is still starting up");
  if (draft.leadership() != Leadership::Mine) return true;
  const auto& act = draft.seen.last_act;
  const auto* restart = act ? std::get_if<Restart>(&act->step) : nullptr;
  // A restart with a limit of its own has used it up.
  const bool is_over =
      restart != nullptr && restart->timeout && act->outcome == ActOutcome::TimedOut;
  const Instant limit =
      is_over ? *draft.memory.starting_since : *draft.memory.starting_since + start_limit(draft);
  if (!draft.has_come(limit)) return true;
  if (prospect_of_failover(draft) != Prospect::Yes) {
    draft.wake_in(draft.seen.settings.loop_wait);
    return true;
  }
  // R7: Patroni's primary_start_timeout.
  draft.because("R7", "PostgreSQL has been starting for primary_start_timeout: giving way");
  begin_stepping_down(draft, DemoteMode::Immediate, {});
  return true;
}

// R11 the primary was stopped here because the store was silent for too long (D1, D2): reads need
// no leader, so it is started read-only, as in R4. Whom it is to follow is decided when the store
// is back, and its history is compared then (F3). Authority: Patroni ha.py, demote offline.
// What has not become a cluster yet stays a primary's: its maker goes on with it (R8).
void serve_reads_without_store(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!draft.seen.store.cluster || draft.memory.bootstrap_is_unconfirmed) return;
  const auto& initialize = draft.cluster().initialize;
  if (!initialize || !initialize->is_valid()) return;
  if (!draft.memory.acts.comes_back || instance.process != ProcessState::Stopped ||
      instance.data_directory != DataDirectory::Valid || !instance.control ||
      !was_primary(*instance.control) || draft.seen.settings.paused || draft.seen.is_leaving) {
    return;
  }
  if (!draft.act_may_be_tried()) return;
  draft.because("R11", "the store is silent and the primary was stopped: starting it read-only");
  draft.plan(StartStandby{});
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
      // R4 whoever has just stepped down leaves the field to its successor for a moment, if anybody
      // could be that.
      if (!is_of_known_cluster(draft)) {
        recover_unfinished_cluster(draft);
      } else if (was_primary(*draft.instance().control) && leaves_the_field(draft)) {
        draft.say("leaving the field to those who could take over");
      } else if (draft.act_may_be_tried()) {
        draft.because("R4", "nobody leads and PostgreSQL is down: starting it read-only");
        draft.plan(StartStandby{});
      }
      break;
  }
  return true;
}

}  // namespace pgherd
