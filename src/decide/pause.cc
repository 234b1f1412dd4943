#include <algorithm>

#include "decide/rules.h"

namespace pgherd {
namespace {

// M5 the key belongs to whom an operator lets be the primary: a holder that is none gives it back.
void give_key_back(Draft& draft, std::string why) {
  draft.because("M5", "maintenance mode: " + why + ": releasing the leader key");
  draft.say("released the leader key because " + why);
  draft.plan(draft.release_of_leader_key(draft.cluster().status));
}

// M6 data of another cluster is only pointed out: an operator may be at work on it.
bool has_foreign_data(Draft& draft) {
  const auto& control = draft.instance().control;
  const auto& initialize = draft.cluster().initialize;
  if (!control || !initialize || !initialize->is_valid()) return false;
  if (initialize->value == control->system_id) return false;
  draft.because("M6", "system ID mismatch: the store has " + initialize->value +
                          ", the data directory has " + control->system_id +
                          "; without maintenance mode the agent would end");
  if (draft.leadership() == Leadership::Mine) give_key_back(draft, "its data is not the cluster's");
  return true;
}

// U6 an operator stopped PostgreSQL and asks for a restart: it comes back as what it was, a primary
// only where nobody leads and nobody has begun a newer timeline since.
void start_as_asked(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (draft.leadership() == Leadership::Mine || !instance.control) {
    static_cast<void>(recover(draft));
    return;
  }
  if (!draft.act_may_be_tried()) return draft.wake(draft.memory.retry_act_at);
  const ControlData& control = *instance.control;
  const Timeline timeline = std::max(control.timeline, control.minimum_recovery_timeline);
  const bool is_primarys =
      !instance.has_standby_signal && control.state != ControlState::ShutDownInRecovery &&
      control.state != ControlState::InArchiveRecovery;
  if (draft.leadership() == Leadership::Nobodys && is_primarys &&
      !(timeline < draft.newest_timeline_of_all())) {
    draft.because("U6", "starting PostgreSQL as asked, as the primary that it was");
    draft.plan(StartPrimary{.lease_valid_until = Instant::never()});
    return;
  }
  if (is_primarys) {
    static_cast<void>(recover(draft));  // its history may have been left
    return;
  }
  draft.because("U6", "starting PostgreSQL as asked, as a standby");
  draft.plan(StartStandby{.upstream = upstream_for(draft).value_or(Upstream{})});
}

// True: PostgreSQL does not run, and what can be said of that is said.
bool rests(Draft& draft) {
  const InstanceView& instance = draft.instance();
  const bool has_data = instance.data_directory == DataDirectory::Valid;
  if (has_data && instance.process != ProcessState::Stopped) {
    return instance.process != ProcessState::Running;
  }
  if (draft.memory.comes_back) {
    if (!fill_empty_directory(draft)) static_cast<void>(recover(draft));
    return true;
  }
  draft.say(has_data ? "postgres is not running" : "running with empty data directory");
  if (has_data && draft.seen.restart_wish) {
    start_as_asked(draft);
    return true;
  }
  if (draft.leadership() == Leadership::Mine) {
    give_key_back(draft,
                  has_data ? "PostgreSQL is not running" : "the data directory is not usable");
  }
  return true;
}

void stay_beside(Draft& draft) {
  if (draft.instance().is_running_standby()) return follow(draft);
  // M7 two primaries may be an operator's intermediate state; nobody but the operator ends it.
  draft.because("M7", "maintenance mode: this node runs as a primary, and '" +
                          draft.cluster().leader->name + "' holds the leader key");
  draft.say("continue to run as primary without the leader key");
}

}  // namespace

bool is_named_candidate(const Draft& draft) {
  const auto& request = draft.cluster().failover;
  return request && request->candidate == draft.me() && !request->scheduled_at &&
         !request->schedule_is_unreadable && !draft.seen.self.tags.nofailover;
}

// M1 in maintenance mode nothing is started, stopped, promoted or dropped but what an operator asks
// for; the session with the store and what is published go on. Authority: Patroni, patronictl
// pause (documentation, Pause/Resume mode).
void keep_pause(Draft& draft) {
  draft.say("no action. I am (" + draft.me() + ")");
  if (end_own_bootstrap(draft) || has_foreign_data(draft)) return;
  restore_lost_keys(draft);
  if (reinitialize(draft) || rests(draft)) return;
  switch (draft.leadership()) {
    case Leadership::Mine:
      if (draft.instance().is_running_standby() && !is_named_candidate(draft)) {
        return give_key_back(draft, "PostgreSQL is not a primary");
      }
      return lead(draft);
    case Leadership::Others:
      return stay_beside(draft);
    case Leadership::Nobodys:
      return run_for_leader(draft);
  }
}

}  // namespace pgherd
