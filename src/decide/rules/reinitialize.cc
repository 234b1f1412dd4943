#include "decide/rules/reinitialize.h"

namespace pgherd {
namespace {

constexpr Duration kAskAgain = 500ms;

// N1 only while somebody else leads and answers as a primary: the last copy is never thrown away.
bool has_source(Draft& draft) {
  const Member* leader = draft.cluster().leader_member();
  if (leader == nullptr || leader->api_url.empty()) {
    draft.say("reinitialize: waiting for the leader to show itself");
    return false;
  }
  const PeerView* peer = draft.fresh_peer(leader->name);
  if (peer != nullptr && peer->is_reachable && !peer->in_recovery) return true;
  draft.because("N1", "nothing is thrown away before '" + leader->name + "' answers as a primary");
  draft.say("reinitialize: waiting for '" + leader->name + "' to answer as a primary");
  if (!draft.seen.is_under_way(Lane::Peers) &&
      (peer == nullptr || draft.has_come(peer->asked_at + kAskAgain))) {
    draft.plan(
        ProbePeers{.targets = {{leader->name, leader->api_url}}, .timeout = draft.probe_timeout()});
  }
  draft.wake_in(kAskAgain);
  return false;
}

void drop(Draft& draft, std::string why) {
  draft.because("N2", "reinitialize is given up: " + why);
  draft.plan(DropReinitialize{.why = std::move(why)});
}

}  // namespace

// N2 what is under way ends first if that is asked for; a node that leads meanwhile keeps its data.
// N3 stop, throw the data away, and copy (B3) like a new node. Authority: Patroni ha.py
// reinitialize.
bool reinitialize(Draft& draft) {
  if (!draft.seen.reinitialize_request) return false;
  if (draft.leadership() == Leadership::Mine || draft.instance().is_running_primary()) {
    drop(draft, "this node is the leader");
    return false;
  }
  const bool has_data = draft.instance().data_directory != DataDirectory::Missing;
  if (draft.leadership() == Leadership::Nobodys) {
    // Without its data it can only wait; with them it may be the one that others need.
    if (has_data) drop(draft, "there is no leader to copy from");
    return false;
  }
  if (!has_data) return false;  // B3 copies
  if (!has_source(draft)) return true;
  draft.say("reinitializing from '" + draft.cluster().leader->name + "'");
  if (draft.instance().process != ProcessState::Stopped) {
    draft.because("N3", "reinitialize: stopping PostgreSQL");
    draft.plan(Stop{.mode = StopMode::Immediate});
    return true;
  }
  if (!draft.act_may_be_tried()) return true;
  draft.because("N3", "reinitialize: removing the data directory, as an operator asked");
  draft.plan(RemoveDataDirectory{.why = "an operator asked to reinitialize this member"});
  return true;
}

bool end_act_for_reinitialize(Draft& draft) {
  const auto& request = draft.seen.reinitialize_request;
  const auto act = draft.seen.under_way.find(Lane::Instance);
  if (!request || !request->force || act == draft.seen.under_way.end()) return false;
  // Without the store it waits, and what is started meanwhile to be read goes on (R11): each would
  // undo the other for ever (sim seed 10000796).
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) return false;
  const Step& step = act->second.step;
  // What it does itself, and what must not be left half-done.
  const bool is_its_own = std::holds_alternative<Stop>(step) ||
                          std::holds_alternative<RemoveDataDirectory>(step) ||
                          std::holds_alternative<SetAsideDataDirectory>(step) ||
                          may_open_for_writes(step) || std::holds_alternative<Demote>(step);
  const bool is_newer =
      std::holds_alternative<CloneFrom>(step) && act->second.started_at >= request->asked_at;
  if (is_its_own || is_newer) return false;
  draft.because("N2", "reinitialize by force: ending what is under way");
  draft.plan(CancelInstanceAct{.why = "an operator asked to reinitialize this member"});
  return true;
}

}  // namespace pgherd
