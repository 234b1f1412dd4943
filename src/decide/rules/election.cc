#include "decide/rules/election.h"

#include <algorithm>
#include <compare>

#include "decide/facts/claim.h"
#include "decide/facts/electorate.h"
#include "decide/facts/promise.h"
#include "decide/facts/request.h"
#include "decide/facts/rivals.h"
#include "decide/facts/watchdog.h"
#include "decide/moves/giving_way.h"
#include "model/sync_names.h"

namespace pgherd {
namespace {

constexpr Duration kPositionFreshness = 1s;
// A round is answered in milliseconds, but for those who are gone.
constexpr Duration kAnswerIsNew = 300ms;
constexpr std::string_view kNotSynchronous =
    "synchronous mode: this node is not among the synchronous standbys";

// E8 a reachable primary vetoes, and one that still shuts down, which takes less than ttl, for its
// guardian does not wait longer (sim seed 39764).
Verdict beware_of_primary(const Draft& draft, const NodeName& name, const PeerView& peer) {
  const bool is_closing = peer.is_closing && !draft.has_come(*draft.memory.election.unlocked_since +
                                                             draft.seen.settings.ttl);
  if (is_closing)
    return Verdict::no("E8", "Primary (" + name + ") is still shutting down", Verdict::By::Primary);
  if (!peer.is_reachable || peer.in_recovery) return Verdict::run();
  return Verdict::no("E8", "Primary (" + name + ") is still alive", Verdict::By::Primary);
}

// Only who has led gives up a place. Of any other standby with the last record a request says
// nothing that could let one lead that is behind it (sim seed 150053141).
bool is_asked_to_give_way(const Draft& draft, const NodeName& name) {
  return request_binds_election(draft) && draft.cluster().failover->leader == name &&
         draft.memory.election.last_leader == name;
}

// E13 a usable standby on a newer timeline vetoes (safety A7). E9 a usable standby that is ahead
// vetoes. E10 at the same position the higher failover_priority goes first, unless it is the leader
// that has just gone, or an operator has named this node.
Verdict compare_with(const Draft& draft, const NodeName& name, const PeerView& peer) {
  Verdict verdict = beware_of_primary(draft, name, peer);
  if (!verdict.runs() || !peer.is_reachable) return verdict;
  if (!is_usable(draft, peer)) return Verdict::run();
  // Whoever was asked to give up its place does not stand in the way by being ahead.
  if (is_asked_to_give_way(draft, name)) return Verdict::run();
  const Lsn mine = draft.instance().position();
  const Timeline here = draft.instance().timeline;
  if (peer.timeline.is_known() && here.is_known() && peer.timeline != here) {
    // What lies beyond a switch point on the older timeline has been left behind: positions on
    // different timelines do not compare.
    return peer.timeline > here
               ? Verdict::no("E13",
                             "Timeline " + std::to_string(peer.timeline.value) + " of " + name +
                                 " is newer than my timeline " + std::to_string(here.value),
                             Verdict::By::Timeline)
               : Verdict::run();
  }
  // What a standby has, a running primary on its timeline has given it: where it shows more, it was
  // asked later than this node has looked at itself. A leader without the store, whose key had
  // ended meanwhile, would lose its place to its own standby by that (seen in Docker Compose).
  if (draft.instance().is_running_primary()) return Verdict::run();
  if (peer.position > mine) {
    return Verdict::no("E9", "Wal position of " + name + " is ahead of my wal position");
  }
  const int priority = draft.seen.self.tags.failover_priority;
  const bool is_chosen = name == draft.memory.election.last_leader || is_named_candidate(draft);
  if (peer.position == mine && peer.failover_priority > priority && !is_chosen) {
    return Verdict::no("E10", name + " has equally tolerable WAL position and priority " +
                                  std::to_string(peer.failover_priority) +
                                  ", while this node has priority " + std::to_string(priority));
  }
  return Verdict::run();
}

// Which of the two has more: a newer timeline is more than any position on an older one. No standby
// has more than a running primary on its timeline.
std::weak_ordering standing_of(const PeerView& peer, const Draft& draft) {
  const InstanceView& mine = draft.instance();
  if (peer.timeline.is_known() && mine.timeline.is_known() && peer.timeline != mine.timeline) {
    return peer.timeline.value <=> mine.timeline.value;
  }
  const std::weak_ordering standing = peer.position.bytes <=> mine.position().bytes;
  const bool is_late = mine.is_running_primary() && standing > 0;
  return is_late ? std::weak_ordering::equivalent : standing;
}

bool is_ahead(const Draft& draft, const PeerView& peer) {
  return standing_of(peer, draft) > 0;
}

bool is_behind(const Draft& draft, const PeerView& peer) {
  return standing_of(peer, draft) < 0;
}

// E5 whom a leader without the store would not ask must not take its place.
bool is_outside_failsafe(const Draft& draft, const NodeName& name) {
  const auto& members = draft.cluster().failsafe;
  return !draft.has_come(draft.memory.failsafe.lasts_until) && !members.empty() &&
         !members.contains(name);
}

// Only a running primary that is named there leads without the store; where all who are named run
// as standbys, being left out bars nobody, who may be the only one that `/sync` allows (sim seed
// 1640). One whose PostgreSQL is down does not lead either, but it comes back, and may be ahead: a
// member that was made of a backup meanwhile must not take its place.
std::optional<Verdict> beware_of_leader_without_store(const Draft& draft) {
  for (const auto& [name, url] : draft.cluster().failsafe) {
    const PeerView* peer = draft.fresh_peer(name);
    if (peer == nullptr) return Verdict::wait_for("asking the members of /failsafe");
    if (!is_seen_not_to_lead(*peer)) {
      return Verdict::no(
          "E5", "my name is not in /failsafe, and '" + name + "' may lead without the store");
    }
    if (!peer->is_reachable) {
      return Verdict::no("E5", "my name is not in /failsafe, and PostgreSQL of '" + name +
                                   "' is not up again yet");
    }
  }
  return std::nullopt;
}

bool nobody_leads_without_store(const Draft& draft) {
  const auto& named = draft.cluster().failsafe;
  return std::all_of(named.begin(), named.end(), [&](const auto& member) {
    const PeerView* peer = draft.fresh_peer(member.first);
    return member.first == draft.me() || (peer != nullptr && is_seen_not_to_lead(*peer));
  });
}

// Whoever may not lead itself does not keep others from it by being ahead (sim seed 4468); who is
// left out of `/failsafe` may not as long as anybody named there may be a primary (sim seed
// 327218). In synchronous mode only those have a say who could lead themselves, or nobody would
// (sim seed 1938); the leader that `/sync` names may be ahead and unable to lead (Patroni 1.6.0).
bool may_veto(const Draft& draft, const NodeName& name, const Verdict& verdict) {
  if (verdict.by == Verdict::By::Primary) return true;
  const bool is_by_timeline = verdict.by == Verdict::By::Timeline;
  const bool is_listed = is_synchronous(draft) && is_in_sync(draft, name);
  const bool may_lead_outside = is_listed && nobody_leads_without_store(draft);
  if (!is_by_timeline && is_outside_failsafe(draft, name) && !may_lead_outside) return false;
  if (!is_synchronous(draft)) return true;
  const bool is_former_leader = same_name(draft.cluster().sync->leader, name);
  if (is_by_timeline && counts_votes(draft)) return !is_former_leader;
  return is_in_sync(draft, name) && !is_former_leader;
}

// E14 quorum mode: Q others out of `/sync` must answer and not be ahead; one of these and this node
// has all that was acknowledged. Who has led last has it anyway.
class Ballot {
 public:
  explicit Ballot(const Draft& draft)
      : draft_(draft), votes_(is_in_sync(draft, draft.me()) ? 0 : -1) {}

  void count(const NodeName& name, const PeerView& peer) {
    if (!peer.is_reachable || !peer.in_recovery || !is_in_sync(draft_, name)) return;
    if (is_ahead(draft_, peer)) {
      ++ahead_;
    } else {
      ++votes_;
    }
  }
  [[nodiscard]] Verdict result() const {
    const SyncKey& sync = *draft_.cluster().sync;
    if (votes_ >= sync.quorum || (has_led_last(draft_) && ahead_ == 0)) return Verdict::run();
    return Verdict::no("E14", "quorum: " + std::to_string(votes_ + 1) + " of " +
                                  std::to_string(sync.quorum + 1) +
                                  " votes that are needed, this node's own included");
  }

 private:
  const Draft& draft_;
  int votes_ = 0;
  int ahead_ = 0;
};

// What can only be a second writer is asked for in maintenance mode, too.
Verdict compare_in_pause(const Draft& draft, const NodeName& name, const PeerView& peer) {
  const bool is_primary = draft.instance().is_running_primary();
  if (is_primary && peer.timeline <= draft.instance().timeline) return Verdict::run();
  return beware_of_primary(draft, name, peer);
}

Verdict compare_with_all(const Draft& draft, const Targets& targets) {
  bool is_complete = true;
  Ballot ballot(draft);
  for (const auto& [name, url] : targets) {
    const PeerView* peer = draft.fresh_peer(name);
    if (peer == nullptr) {
      is_complete = false;
      continue;
    }
    Verdict verdict = draft.seen.settings.paused ? compare_in_pause(draft, name, *peer)
                                                 : compare_with(draft, name, *peer);
    if (!verdict.runs() && may_veto(draft, name, verdict)) return verdict;
    ballot.count(name, *peer);
  }
  if (!is_complete) return Verdict::wait_for("asking the other members");
  return counts_votes(draft) ? ballot.result() : Verdict::run();
}

// E8 for whom a request names. Nobody knows better than the last leader whether it is still open;
// an agent that has seen none in this life asks everybody (sim seed 331096).
Verdict ask_for_primaries(const Draft& draft, const Targets& targets) {
  const NodeName& last = draft.memory.election.last_leader;
  Verdict verdict = Verdict::run();
  for (const auto& [name, url] : targets) {
    if (const PeerView* peer = draft.fresh_peer(name)) {
      Verdict seen = beware_of_primary(draft, name, *peer);
      if (!seen.runs()) return seen;
    } else if (name == last || last.empty()) {
      verdict = Verdict::wait_for("asking '" + name + "', which may be a primary");
    }
  }
  return verdict;
}

// A failover that an operator forces may lose what it likes; a switchover must not lose anything.
// In a standby cluster the remote primary has it all.
bool must_lose_nothing(const Draft& draft) {
  return draft.cluster().failover->leader && !draft.seen.settings.standby_cluster;
}

// E9, E13 for the candidate of a switchover: whoever has answered by now and has more leads first.
// Those who have not are not waited for: the outage would last as long.
Verdict yield_to_those_ahead(const Draft& draft, const Targets& targets) {
  for (const auto& [name, url] : targets) {
    const PeerView* peer = draft.fresh_peer(name);
    if (peer == nullptr) continue;
    Verdict verdict = compare_with(draft, name, *peer);
    if (!verdict.runs() && may_veto(draft, name, verdict)) return verdict;
  }
  return Verdict::run();
}

// E6 a request names who shall lead: the candidate runs as soon as the last leader is seen to have
// closed, the others leave it the field while it can be reached. After ttl without a result the
// request binds nobody any more (safety D1).
std::optional<Verdict> obey_request(const Draft& draft, const Targets& targets) {
  const auto& request = draft.cluster().failover;
  if (!request || request->scheduled_at) return std::nullopt;
  const bool has_expired =
      draft.has_come(*draft.memory.election.unlocked_since + draft.seen.settings.ttl);
  if (request->candidate == draft.me()) {
    if (request->leader && counts_votes(draft)) return std::nullopt;
    Verdict verdict = ask_for_primaries(draft, targets);
    // A Patroni that has more leaves the field to the candidate all the same, and for ever.
    const bool may_yield = must_lose_nothing(draft) && !has_expired;
    if (!verdict.runs() || !may_yield) return verdict;
    return yield_to_those_ahead(draft, targets);
  }
  if (request->candidate && !has_expired) {
    const Member* candidate = draft.cluster().member(*request->candidate);
    if (candidate != nullptr && !candidate->api_url.empty()) {
      const PeerView* peer = draft.fresh_peer(*request->candidate);
      if (peer == nullptr)
        return Verdict::wait_for("asking the candidate '" + *request->candidate + "'");
      const bool would_lose = must_lose_nothing(draft) && is_behind(draft, *peer) &&
                              !is_asked_to_give_way(draft, draft.me());
      if (is_usable(draft, *peer) && !would_lose) {
        return Verdict::no("E6",
                           "leaving the field to the candidate '" + *request->candidate + "'");
      }
    }
  }
  if (is_asked_to_give_way(draft, draft.me())) {
    for (const auto& [name, member] : draft.cluster().members) {
      const PeerView* peer = name == draft.me() ? nullptr : draft.fresh_peer(name);
      if (peer != nullptr && is_usable(draft, *peer) && peer->in_recovery) {
        return Verdict::no(
            "E6", "this node was asked to give up its place, and '" + name + "' can take it");
      }
    }
  }
  return std::nullopt;
}

std::uint64_t lag_to_published(const Draft& draft) {
  return lag_bytes(draft.cluster().status.optime, draft.instance().position());
}

// E15 what was promised to a leader without the store holds for ttl, unless it is seen to have
// closed since. An agent that has just started may have promised in its last life, so it waits as
// long, unless all whom it could have promised it are seen not to be primaries. One that answers as
// a primary is what the promise was for (sim seed 331096).
std::optional<Verdict> keep_promise(Draft& draft) {
  if (draft.instance().is_running_primary()) return std::nullopt;
  if (const FailsafePromise* promise = promise_in_force(draft)) {
    return Verdict::no(
        "E15", "'" + promise->ping.name + "' leads without the store, and this node accepts it");
  }
  const bool is_old =
      draft.memory.began_at && draft.has_come(*draft.memory.began_at + draft.seen.settings.ttl);
  if (is_old || !draft.seen.settings.failsafe_mode) return std::nullopt;
  bool is_complete = true;
  for (const auto& [name, url] : draft.cluster().failsafe) {
    if (name == draft.me()) continue;
    const PeerView* peer = draft.fresh_peer(name);
    if (peer == nullptr && draft.seen.store.is_reachable) is_complete = false;
    if (peer != nullptr && !is_seen_not_to_lead(*peer)) {
      return Verdict::no("E15", "this agent has just started and may have accepted '" + name +
                                    "' as the leader without the store");
    }
  }
  if (!is_complete) return Verdict::wait_for("asking the members of /failsafe");
  return std::nullopt;
}

// E16 the key is gone, but the stream from the former leader goes on: its agent may be what is sick
// (Patroni primary_race_backoff; the words are those that operators look for in its log).
std::optional<Verdict> wait_for_stream(Draft& draft) {
  const Duration backoff = draft.seen.settings.primary_race_backoff;
  if (backoff <= 0ms || draft.cluster().failover || draft.seen.settings.standby_cluster) {
    return std::nullopt;
  }
  const Instant unlocked = *draft.memory.election.unlocked_since;
  const Duration loop_wait = draft.seen.settings.loop_wait;
  const bool is_moving = draft.instance().is_streaming && !draft.has_come(unlocked + backoff) &&
                         !draft.has_come(draft.memory.stream.moved_at + loop_wait);
  const Instant until = unlocked + (is_moving ? backoff : std::min(backoff, loop_wait));
  if (draft.has_come(until)) return std::nullopt;
  const auto left = std::chrono::ceil<Seconds>(until - draft.moment());
  draft.wake(until - (left - 1s));  // what it says counts down
  return Verdict::no("E16", "My (" + draft.me() +
                                ") wal position moved since last heart beat loop, " +
                                std::to_string(left.count()) + " seconds until leader race");
}

// E18 a silence of the store that outlasts the leases takes the keys of all members with it, and an
// agent that has just started knows nobody whose key is not back yet. Where more was published than
// this node has, somebody has more (sim seed 260004111).
std::optional<Verdict> wait_for_those_who_have_more(const Draft& draft) {
  const bool knows_members = !draft.memory.election.last_leader.empty();
  const bool is_old =
      draft.memory.began_at && draft.has_come(*draft.memory.began_at + draft.seen.settings.ttl);
  // Whom `/sync` lets run has all that was acknowledged; the remote primary has all of a standby
  // cluster.
  if (knows_members || is_old || is_synchronous(draft) || draft.seen.settings.standby_cluster)
    return std::nullopt;
  const bool has_all =
      lag_to_published(draft) == 0 && draft.instance().timeline >= draft.newest_timeline_of_all();
  if (has_all) return std::nullopt;
  return Verdict::no("E18",
                     "this agent has just started, and more was published than this node has: "
                     "waiting for members whose keys are not back yet");
}

// E19 in maintenance mode a primary outlives its lease, until its agent has heard of the end: it
// may be open, and commits may be confirmed to it by one whose vote is being counted. So who led
// last has to have said since the end that it does not lead; for ttl, for it may be gone (sim seed
// 415116277).
std::optional<Verdict> beware_of_leader_of_pause(const Draft& draft) {
  const auto& ended_at = draft.memory.pause.ended_at;
  const NodeName& last = draft.memory.election.last_leader;
  if (!ended_at || draft.has_come(*ended_at + draft.seen.settings.ttl)) return std::nullopt;
  if (last.empty() || last == draft.me()) return std::nullopt;
  const PeerView* peer = draft.fresh_peer(last);
  if (peer == nullptr || peer->asked_at < *ended_at) {
    return Verdict::wait_for("asking '" + last + "', which led in maintenance mode");
  }
  if (is_seen_not_to_lead(*peer)) return std::nullopt;
  return Verdict::no("E19", "maintenance mode has just ended, and '" + last +
                                "', which led in it, does not answer: it may be a primary still");
}

// A failover that an operator forces may lose what it likes; a switchover must not lose anything
// (Patroni: only synchronous nodes and the former leader race; sim seed 26756).
bool lacks_acknowledged_writes(const Draft& draft) {
  const auto& request = draft.cluster().failover;
  const bool is_forced = request && request->candidate == draft.me() && !request->leader;
  return is_synchronous(draft) && !counts_votes(draft) && !is_in_sync(draft, draft.me()) &&
         !has_led_last(draft) && !is_forced;
}

// M4 in maintenance mode a running primary takes the key, if its timeline is not an old one; nobody
// is promoted but a candidate that an operator names.
Verdict examine_self_in_pause(const Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (instance.is_running_primary()) {
    return instance.timeline < draft.newest_timeline_of_all()
               ? Verdict::no("M4", "the cluster has a newer timeline than this primary")
               : Verdict::run();
  }
  if (!is_named_candidate(draft)) {
    return Verdict::no("M1", "maintenance mode: nobody is promoted but a named candidate");
  }
  return lacks_acknowledged_writes(draft) ? Verdict::no("E11", std::string(kNotSynchronous))
                                          : Verdict::run();
}

// E1..E5, E7, E11: what concerns only this node. Order and content: Patroni ha.py
// is_healthiest_node.
Verdict examine_self(const Draft& draft) {
  const InstanceView& instance = draft.instance();
  const Settings& settings = draft.seen.settings;
  if (watchdog_is_unfit(draft) && !settings.paused && !instance.is_running_primary()) {
    return Verdict::no(
        "E3", "the watchdog is required and cannot be used: " + draft.seen.watchdog.problem);
  }
  if (!draft.has_come(draft.memory.election.lead_alone_at)) {
    return Verdict::no("E1", "this node has just failed to lead or stepped down");
  }
  if (!draft.has_lease()) return Verdict::wait_for("no lease yet");
  if (settings.paused) return examine_self_in_pause(draft);
  if (draft.seen.self.tags.nofailover && !instance.is_running_primary()) {
    return Verdict::no("E2", "I am not allowed to promote");
  }
  if (lacks_acknowledged_writes(draft)) return Verdict::no("E11", std::string(kNotSynchronous));
  if (instance.is_running_primary()) return Verdict::run();
  if (is_outside_failsafe(draft, draft.me())) {
    if (auto barred = beware_of_leader_without_store(draft)) return *std::move(barred);
  }
  // Whoever names this node has looked at its lag. Patroni lets any request lift the limit (ha.py
  // manual_failover_process_no_leader); here a switchover without a candidate loses no more than a
  // failover may.
  const auto& request = draft.cluster().failover;
  const bool is_asked_for = request && request->candidate == draft.me();
  // Whom `/sync` lets run has all that was acknowledged, however much more had been written.
  if (!is_asked_for && !is_synchronous(draft) &&
      lag_to_published(draft) >
          static_cast<std::uint64_t>(settings.maximum_lag_on_failover_bytes)) {
    return Verdict::no("E7", "My wal position exceeds maximum replication lag: " +
                                 std::to_string(lag_to_published(draft)) +
                                 " bytes behind, allowed are " +
                                 std::to_string(settings.maximum_lag_on_failover_bytes));
  }
  if (settings.check_timeline && !settings.standby_cluster &&
      (!instance.timeline.is_known() || instance.timeline < newest_timeline_for_me(draft))) {
    return Verdict::no("E4", "my timeline is older than the cluster's and check_timeline is on");
  }
  return Verdict::run();
}

// It was not elected by `/sync`, but may take the key all the same.
bool is_forced_past_sync(const Draft& draft) {
  const bool has_everything = is_in_sync(draft, draft.me()) && draft.cluster().sync->quorum == 0;
  return is_synchronous(draft) && !has_everything && is_forced_candidate(draft);
}

// E17 what is known of the others may be as old as a round that waits for one who is gone. Those
// who answered are asked once more before the key is taken: one may have got more meanwhile, from a
// former leader that is up again (sim seed 70091206).
bool has_asked_again(Draft& draft, const Targets& targets) {
  auto& began_at = draft.memory.election.last_round_at;
  Targets again;
  for (const auto& [name, url] : targets) {
    const PeerView* peer = draft.fresh_peer(name);
    const bool is_old = peer != nullptr && peer->is_reachable &&
                        draft.has_come(peer->answered_at + kAnswerIsNew) &&
                        (!began_at || peer->asked_at < *began_at);
    if (is_old) again.emplace(name, url);
  }
  if (again.empty()) return true;
  draft.because("E17", "asking the other members once more before taking the leader key");
  if (!draft.seen.is_under_way(Lane::Peers)) {
    if (!began_at) began_at = draft.moment();
    draft.plan(ProbePeers{.targets = std::move(again), .timeout = draft.probe_timeout()});
  }
  return false;
}

void acquire(Draft& draft) {
  draft.because("E12", "nobody leads and this node is the healthiest: taking the leader key at " +
                           to_string(draft.instance().position()));
  draft.say("racing for the leader key");
  draft.memory.election.lead_again_at = {};
  draft.memory.election.last_round_at.reset();
  draft.memory.election.was_forced = is_forced_past_sync(draft);
  const auto& sync = draft.cluster().sync;
  draft.plan(AcquireLeaderKey{.lease = draft.seen.session.lease,
                              .sync_seen = sync ? sync->mod_revision : Revision{},
                              .config_seen = draft.cluster().config_revision});
}

// A leader that hands over gives the key away when its successor has the last record, a moment
// before its server has ended. Who asks in that moment asks again soon, later and later: half a
// second would be most of the outage.
std::optional<Duration> next_round(const Draft& draft, const Verdict& verdict) {
  const auto usual = next_round_after(verdict);
  if (!usual || verdict.by != Verdict::By::Primary) return usual;
  constexpr Duration kSoonest = 100ms;
  const Duration passed = draft.elapsed_since(*draft.memory.election.unlocked_since);
  return std::clamp<Duration>(passed / 2, kSoonest, *usual);
}

}  // namespace

void run_for_leader(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!instance.is_running_standby() && !instance.is_running_primary()) return;
  if (!is_of_known_cluster(draft)) return;
  const bool is_seen_lately = instance.seen_at >= *draft.memory.election.unlocked_since &&
                              !draft.has_come(instance.seen_at + kPositionFreshness);
  if (!is_seen_lately) draft.plan(ObserveInstance{});
  Verdict verdict = examine_self(draft);
  if (verdict.runs() && !draft.seen.settings.paused) {
    if (auto promised = keep_promise(draft)) {
      verdict = std::move(*promised);
    } else if (auto waits = instance.is_running_primary() ? std::nullopt : wait_for_stream(draft)) {
      verdict = std::move(*waits);
    }
  }
  auto targets = known_others(draft);
  if (draft.seen.settings.failsafe_mode) {
    for (const auto& [name, url] : draft.cluster().failsafe) {
      if (name != draft.me()) targets.emplace(name, url);
    }
  }
  if (verdict.runs()) {
    // A running primary that nobody has replaced takes its key first, and hands over then: as long
    // as it is open no candidate takes it (E8), and each would wait for the other (sim seed
    // 3009554).
    const bool is_primary = draft.instance().is_running_primary();
    auto obeyed =
        draft.seen.settings.paused || is_primary ? std::nullopt : obey_request(draft, targets);
    verdict = draft.seen.settings.paused ? Verdict::run() : prefer_others(draft, targets);
    if (verdict.runs()) {
      verdict = obeyed ? std::move(*obeyed) : compare_with_all(draft, targets);
    }
    const bool is_free = !is_primary && !draft.seen.settings.paused && !is_named_candidate(draft);
    if (verdict.runs() && is_free) {
      if (auto waits = wait_for_those_who_have_more(draft)) verdict = std::move(*waits);
      if (auto waits = beware_of_leader_of_pause(draft)) verdict = std::move(*waits);
    }
  }
  if (verdict.runs()) {
    const bool asks_nobody = instance.is_running_primary() || draft.seen.settings.paused;
    if (is_seen_lately && (asks_nobody || has_asked_again(draft, targets))) acquire(draft);
    return;
  }
  draft.memory.election.last_round_at.reset();
  const std::optional<Duration> again_after = next_round(draft, verdict);
  if (again_after) {
    draft.because(verdict.rule, verdict.why);
    draft.say("following a different leader because " + verdict.why);
    draft.wake_in(*again_after);
  }
  ask_rivals(draft, targets, again_after);
}

}  // namespace pgherd
