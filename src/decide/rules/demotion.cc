#include "decide/rules/demotion.h"

#include <algorithm>

#include "decide/facts/claim.h"
#include "decide/facts/electorate.h"
#include "decide/facts/opening.h"
#include "decide/moves/handing_over.h"

namespace pgherd {
namespace {

// How long a stopped leader waits for a standby to report that it has the last record, before it
// takes its place again rather than lose what only it has.
constexpr Duration kReceiptLimit = 5s;
// Whoever leaves cannot take its place again, and those who could tell have mostly gone before it.
constexpr Duration kLeavingReceiptLimit = 1s;
constexpr Duration kReceiptProbeGap = 50ms;
// How long the others are waited for, once one has it.
constexpr Duration kAllReceiveLimit = 1s;

// The last act has opened PostgreSQL, and it could not be looked at since: that takes time when the
// machine is slow, and the lease does not wait for it (sim seed 1978).
bool was_opened_unseen(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  if (!act || act->is_looked_at || act->outcome != ActOutcome::Done ||
      draft.instance().seen_at > act->ended_at || !may_open_for_writes(act->step)) {
    return false;
  }
  return !std::holds_alternative<Restart>(act->step) || !draft.instance().is_running_standby();
}

bool is_opened_by_an_act(const Draft& draft) {
  const auto found = draft.seen.under_way.find(Lane::Instance);
  return found != draft.seen.under_way.end() && may_open_for_writes(found->second.step) &&
         !std::holds_alternative<Bootstrap>(found->second.step);
}

bool may_be_open(const Draft& draft) {
  return draft.instance().is_running_primary() || was_opened_unseen(draft) ||
         comes_up_as_primary(draft) || is_opened_by_an_act(draft);
}

void stop_at_once(Draft& draft, std::string_view rule, std::string why,
                  DemoteMode mode = DemoteMode::ImmediateNoLock) {
  draft.say("demoting self: " + why);
  draft.because(rule, std::move(why));
  if (draft.has_act_under_way()) {
    draft.plan(CancelInstanceAct{.why = "leadership is lost"});
  } else {
    draft.plan(Demote{.mode = mode});
  }
}

// Until when a primary that nothing confirms may go on.
Instant unconfirmed_limit(const Draft& draft, Instant unconfirmed_since) {
  const Instant end = draft.end_of_promises(unconfirmed_since);
  const auto& resumed = draft.memory.pause.first_renewal_since;
  return resumed ? std::max(end, *resumed + draft.shortest_margins().demote_after) : end;
}

// Whom the request names by now, though it was another one when the stop began: it would be
// elected, whatever others have received (sim seed 120019508).
std::optional<NodeName> successor_of(const Draft& draft) {
  const auto& as_it_began = draft.memory.stepping_down.successor;
  const auto& request = draft.cluster().failover;
  if (!request || !request->candidate || request->scheduled_at) return as_it_began;
  const auto& members = draft.memory.election.last_known_members.get();
  const auto found = members.find(*request->candidate);
  const bool may_run =
      found != members.end() && found->first != draft.me() && !found->second.tags.nofailover &&
      (!request->leader || !is_synchronous(draft) || is_in_sync(draft, found->first));
  return may_run ? request->candidate : as_it_began;
}

std::map<NodeName, std::string> receivers(const Draft& draft) {
  const std::optional<NodeName> successor = successor_of(draft);
  std::map<NodeName, std::string> targets;
  for (const auto& [name, member] : draft.memory.election.last_known_members) {
    if (name == draft.me() || member.api_url.empty() || member.tags.nofailover) continue;
    // Nobody else could be elected afterwards.
    const bool is_elector = !is_synchronous(draft) || is_in_sync(draft, name);
    if (successor ? *successor != name : !is_elector) continue;
    targets.emplace(name, member.api_url);
  }
  return targets;
}

struct Receipt {
  bool by_somebody = false;
  bool by_all = true;  // who can be asked
};

// On the timeline that was shut down: positions of another one say nothing about it (sim seed
// 312816).
Receipt receipt(const Draft& draft, const std::map<NodeName, std::string>& targets,
                const ControlData& last) {
  Receipt receipt;
  for (const auto& [name, url] : targets) {
    const auto found = draft.seen.peers.find(name);
    if (found == draft.seen.peers.end()) {
      receipt.by_all = false;
      continue;
    }
    const PeerView& peer = found->second;
    if (!peer.is_reachable || !peer.in_recovery) continue;
    const bool has_it = peer.position > last.checkpoint &&
                        (!peer.timeline.is_known() || peer.timeline == last.timeline);
    receipt.by_somebody = receipt.by_somebody || has_it;
    receipt.by_all = receipt.by_all && has_it;
  }
  return receipt;
}

// The first that has the last record need not be the one that is preferred: the others get it from
// the same server, which ends when they have. Not for long, for nobody can write meanwhile.
bool is_handed_over(Draft& draft, const std::map<NodeName, std::string>& targets) {
  const InstanceView& instance = draft.instance();
  const Receipt seen = receipt(draft, targets, *instance.control);
  if (!seen.by_somebody) return false;
  if (!draft.memory.stepping_down.received_since)
    draft.memory.stepping_down.received_since = draft.moment();
  const Instant patience = *draft.memory.stepping_down.received_since + kAllReceiveLimit;
  return seen.by_all || instance.process == ProcessState::Stopped || draft.has_come(patience);
}

void release(Draft& draft, Lsn last, std::string_view rule, std::string why) {
  StatusKey status = draft.cluster().status;
  if (last.is_known()) status.optime = std::max(status.optime, last);
  draft.plan(draft.release_of_leader_key(std::move(status)));
  draft.because(rule, std::move(why));
}

// A bootstrap ends with an open primary: it is not waited for when the claim cannot be held
// (sim seed 2515).
bool end_bootstrap_without_claim(Draft& draft) {
  if (draft.seen.under_way_as<Bootstrap>(Lane::Instance) == nullptr) return false;
  const bool is_seen_gone =
      draft.seen.store.is_reachable && draft.seen.store.cluster && !is_bootstrapping(draft);
  if (!is_seen_gone && !draft.has_come(draft.demote_at())) return false;
  draft.because("D1", is_seen_gone
                          ? "the claim to make the cluster is gone"
                          : "the lease of the claim could not be renewed and is about to end");
  draft.plan(CancelInstanceAct{.why = "the claim to make the cluster is lost"});
  return true;
}

bool nobody_leads_a_cluster(const Draft& draft) {
  return draft.seen.store.is_reachable && draft.seen.store.cluster &&
         draft.leadership() == Leadership::Nobodys && draft.cluster().initialize &&
         draft.cluster().initialize->is_valid();
}

// D9 in synchronous mode nobody waits longer than primary_stop_timeout for a shutdown; what is
// cancelled here becomes an immediate one. Then no shutdown checkpoint is waited for: whoever can
// be elected has all that was acknowledged. Authority: Patroni, primary_stop_timeout.
void hurry_stop(Draft& draft) {
  const Milliseconds limit = draft.seen.settings.primary_stop_timeout;
  const auto* demote = draft.seen.under_way_as<Demote>(Lane::Instance);
  if (demote == nullptr || limit <= 0ms || draft.instance().process == ProcessState::Stopped ||
      draft.seen.settings.synchronous_mode == SynchronousMode::Off ||
      demote->mode == DemoteMode::DemoteCluster) {
    return;
  }
  const Instant due = draft.seen.under_way.at(Lane::Instance).started_at + limit;
  if (!draft.has_come(due)) return;
  draft.because("D9", "the shutdown has taken primary_stop_timeout: making it an immediate one");
  draft.plan(CancelInstanceAct{.why = "primary_stop_timeout is over"});
  if (is_synchronous(draft) && draft.memory.stepping_down.state == SteppingDown::WhenReceived) {
    draft.memory.stepping_down.state = SteppingDown::AtOnce;
  }
}

// D5 in maintenance mode: who runs stays, but nobody opens beside another leader. A restart is an
// operator's, and goes on.
bool cancel_second_opening(Draft& draft) {
  const bool is_opening = draft.seen.under_way_as<Promote>(Lane::Instance) != nullptr ||
                          draft.seen.under_way_as<StartPrimary>(Lane::Instance) != nullptr;
  if (!is_opening || draft.leadership() != Leadership::Others) return false;
  stop_at_once(draft, "D5", "the leader key was lost while PostgreSQL was being opened");
  return true;
}

}  // namespace

// D1 the lease is about to end without a renewal: stop now, so that the last acknowledgement is
// before its end (safety A3). D2 the same for a primary found running that nothing confirms. D3
// somebody else leads: stop at once (Patroni ha.py: "I do not have the lock and I was a leader").
// D4 nobody leads and the store knows a newer timeline than this primary has (safety A7).
bool demote_what_may_not_lead(Draft& draft) {
  if (end_bootstrap_without_claim(draft)) return true;
  hurry_stop(draft);
  if (!may_be_open(draft)) return false;
  if (draft.seen.settings.paused) return cancel_second_opening(draft);
  if (is_being_stopped(draft)) return true;
  if (is_bootstrapping(draft)) {
    // The claim ends with its lease, and then somebody else may make the cluster.
    if (!draft.has_come(draft.demote_at())) return false;
    stop_at_once(draft, "D1", "the lease could not be renewed and is about to end");
    return true;
  }
  if (another_makes_the_cluster(draft)) {
    stop_at_once(draft, "B9", "another member makes the cluster");
    return true;
  }
  if (draft.leadership() == Leadership::Others) {
    stop_at_once(draft, "D3", "'" + draft.cluster().leader->name + "' holds the leader key");
    return true;
  }
  if (draft.seen.session.leads) {
    if (!draft.has_come(draft.stop_at())) return false;
    // Fast is fast enough, and cleaner, while the lease still protects; what hangs is fenced.
    const Duration protected_for = draft.margins().fence_after - draft.margins().demote_after;
    const bool is_protected = !draft.has_come(draft.stop_at() + protected_for);
    stop_at_once(draft, "D1", "the lease could not be renewed and is about to end",
                 is_protected ? DemoteMode::Offline : DemoteMode::ImmediateNoLock);
    return true;
  }
  if (draft.memory.primary_unconfirmed_since) {
    const Instant limit = unconfirmed_limit(draft, *draft.memory.primary_unconfirmed_since);
    if (draft.has_come(limit)) {
      stop_at_once(draft, "D2", "no answer of the store confirms that this node may be primary");
      return true;
    }
  } else if (is_opened_by_an_act(draft) || was_opened_unseen(draft)) {
    // A start or promotion is under way or has just ended, and the key is gone.
    stop_at_once(draft, "D5", "the leader key was lost while PostgreSQL was being opened");
    return true;
  }
  if (comes_up_as_primary(draft) && nobody_leads_a_cluster(draft)) {
    stop_at_once(draft, "D5", "nobody has the leader key, and PostgreSQL comes up as a primary");
    return true;
  }
  if (draft.seen.store.is_reachable && draft.seen.store.cluster &&
      draft.instance().timeline < draft.newest_timeline_of_all() &&
      draft.instance().timeline.is_known()) {
    stop_at_once(draft, "D4", "the cluster has a newer timeline than this primary");
    return true;
  }
  return false;
}

// D6 a leader that steps down releases the key once PostgreSQL is shut down and a successor has the
// shutdown checkpoint (strictly past its beginning), the others too, or PostgreSQL has ended, or a
// second has passed: nothing is lost, nothing has to be rewound, and who is preferred is no worse
// off. D7 nobody has it in time: take the place again. D8 no wait is asked for: release once
// stopped. Authority: Patroni ha.py demote('graceful'), release notes 2.1.2, 3.2.1.
bool step_down(Draft& draft) {
  Memory& memory = draft.memory;
  if (memory.stepping_down.state == SteppingDown::No) return false;
  if (draft.leadership() != Leadership::Mine) {
    memory.stepping_down.state = SteppingDown::No;
    draft.leave_the_field_for(2s);
    draft.wake_in(0ns);  // what came before this rule may see it otherwise now
    return false;
  }
  draft.say("stepping down");
  const InstanceView& instance = draft.instance();
  const bool is_shut_down = instance.control && instance.control->state == ControlState::ShutDown;
  const bool is_stopped = instance.process == ProcessState::Stopped;
  if (!is_stopped && !draft.has_act_under_way()) {
    // The shutdown failed: the server is still there and still ours.
    memory.stepping_down.state = SteppingDown::No;
    draft.because("D7", "PostgreSQL did not shut down: keeping the lead");
    refuse_request_that_failed(draft, "PostgreSQL did not shut down");
    return false;
  }
  if (is_stopped && !memory.stepping_down.stopped_since)
    memory.stepping_down.stopped_since = draft.moment();
  if (memory.stepping_down.state == SteppingDown::AtOnce) {
    if (is_stopped) release(draft, {}, "D8", "PostgreSQL is down: releasing the leader key");
    return true;
  }
  const auto targets = receivers(draft);
  if (is_shut_down && is_handed_over(draft, targets)) {
    release(draft, instance.control->checkpoint, "D6",
            "shut down at " + to_string(instance.control->checkpoint) +
                " and a standby has received it: releasing the leader key");
    return true;
  }
  const Duration limit = !draft.seen.is_leaving ? kReceiptLimit
                         : targets.empty()      ? Duration(0)
                                                : kLeavingReceiptLimit;
  if (memory.stepping_down.stopped_since &&
      draft.has_come(*memory.stepping_down.stopped_since + limit)) {
    if (draft.seen.is_leaving) {
      release(draft, instance.control ? instance.control->checkpoint : Lsn{}, "D8",
              "leaving, and no standby has confirmed the last record: releasing the leader key");
      return true;
    }
    memory.stepping_down.state = SteppingDown::No;
    draft.because("D7", "no standby has received the shutdown checkpoint: taking the place again");
    refuse_request_that_failed(draft, "nobody has received the last record");
    return false;
  }
  if (is_shut_down && !draft.seen.is_under_way(Lane::Peers)) {
    const bool asked_lately = std::any_of(targets.begin(), targets.end(), [&](const auto& target) {
      const auto found = draft.seen.peers.find(target.first);
      return found != draft.seen.peers.end() &&
             !draft.has_come(found->second.asked_at + kReceiptProbeGap);
    });
    if (!asked_lately && !targets.empty()) {
      draft.plan(ProbePeers{.targets = targets, .timeout = draft.probe_timeout()});
    }
  }
  return true;
}

}  // namespace pgherd
