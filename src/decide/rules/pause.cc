#include "decide/rules/pause.h"

#include "decide/facts/opening.h"
#include "decide/facts/request.h"
#include "decide/facts/upstream.h"
#include "decide/moves/fresh_word.h"

namespace pgherd {
namespace {

// M5 the key belongs to whom an operator lets be the primary: a holder that is none gives it back.
void give_key_back(Draft& draft, const std::string& why) {
  draft.because("M5", "maintenance mode: " + why + ": releasing the leader key");
  draft.say("released the leader key because " + why);
  draft.plan(draft.release_of_leader_key(draft.cluster().status));
}

// U6 an operator stopped PostgreSQL and asks for a restart: it comes back as what it was, a primary
// only where nobody leads and nobody has begun a newer timeline since. False: as after a crash.
bool starts_as_asked(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (draft.leadership() == Leadership::Mine || !instance.control) return false;
  if (!draft.act_may_be_tried()) return true;
  const ControlData& control = *instance.control;
  const bool is_primarys = !instance.has_standby_signal &&
                           control.state != ControlState::ShutDownInRecovery &&
                           control.state != ControlState::InArchiveRecovery;
  if (draft.leadership() == Leadership::Nobodys && is_primarys &&
      !(timeline_at_rest(control) < draft.newest_timeline_of_all())) {
    if (!store_says_so_still(draft)) return true;
    draft.because("U6", "starting PostgreSQL as asked, as the primary that it was");
    draft.plan(StartPrimary{.lease_valid_until = Instant::never()});
    return true;
  }
  if (is_primarys) return false;  // its history may have been left
  draft.because("U6", "starting PostgreSQL as asked, as a standby");
  draft.plan(StartStandby{.upstream = upstream_for(draft).value_or(Upstream{})});
  return true;
}

}  // namespace

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

PausedServer look_at_paused_server(Draft& draft) {
  const InstanceView& instance = draft.instance();
  const bool has_data = instance.data_directory == DataDirectory::Valid;
  if (has_data && instance.process == ProcessState::Running) return PausedServer::Runs;
  if (has_data && instance.process != ProcessState::Stopped) return PausedServer::IsSettled;
  if (draft.memory.acts.comes_back) return PausedServer::ComesBack;
  draft.say(has_data ? "postgres is not running" : "running with empty data directory");
  if (has_data && draft.seen.restart_request) {
    return starts_as_asked(draft) ? PausedServer::IsSettled : PausedServer::IsToBeRecovered;
  }
  if (draft.leadership() == Leadership::Mine) {
    give_key_back(draft,
                  has_data ? "PostgreSQL is not running" : "the data directory is not usable");
  }
  return PausedServer::IsSettled;
}

bool gives_back_standbys_key(Draft& draft) {
  if (!draft.instance().is_running_standby() || is_named_candidate(draft)) return false;
  give_key_back(draft, "PostgreSQL is not a primary");
  return true;
}

// M7 two primaries may be an operator's intermediate state; nobody but the operator ends it.
void stay_beside_leader(Draft& draft) {
  draft.because("M7", "maintenance mode: this node runs as a primary, and '" +
                          draft.cluster().leader->name + "' holds the leader key");
  draft.say("continue to run as primary without the leader key");
}

}  // namespace pgherd
