#include <algorithm>

#include "decide/rules.h"

namespace pgherd {
namespace {

void refuse(Draft& draft, const FailoverRequest& request, std::string why,
            std::string_view rule = "S1") {
  draft.because(rule, "request to change the leader is refused: " + std::move(why));
  draft.plan(ClearFailoverRequest{.seen = request.mod_revision});
}

// True: it is not due yet, or was cleared. S2 a schedule without a readable time and zone, or one
// that was missed by far, is cleared (Patroni ha.py should_run_scheduled_action).
bool schedule_is_not_due(Draft& draft, const FailoverRequest& request) {
  if (request.schedule_is_unreadable) {
    refuse(draft, request, "scheduled_at is not an ISO 8601 time with a zone", "S2");
    return true;
  }
  if (!request.scheduled_at) return false;
  const Duration ahead = std::chrono::microseconds(request.scheduled_at->microseconds -
                                                   draft.seen.wall_now.microseconds);
  if (ahead > 0ns) {
    draft.wake(draft.now + ahead);
    return true;
  }
  const Duration too_late = std::max<Duration>(draft.seen.settings.loop_wait * 3 / 2, 5s);
  if (-ahead > too_late) {
    refuse(draft, request, "its scheduled time has passed long ago", "S2");
    return true;
  }
  return false;
}

std::map<NodeName, std::string> candidates(const Draft& draft, const FailoverRequest& request) {
  std::map<NodeName, std::string> found;
  for (const auto& [name, member] : draft.cluster().members) {
    if (name == draft.me() || member.tags.nofailover || member.api_url.empty()) continue;
    if (request.candidate && *request.candidate != name) continue;
    // Of a switchover; who asks for a failover to this one by name decides to lose something.
    const bool must_be_listed = is_synchronous(draft) && request.leader && !counts_votes(draft);
    if (must_be_listed && !is_in_sync(draft, name)) continue;
    found.emplace(name, member.api_url);
  }
  return found;
}

// S4 somebody must be able to take over before the leader goes: reachable, a standby, not too far
// behind, and on this timeline where check_timeline is on (Patroni ha.py is_failover_possible).
bool is_good(const Draft& draft, const PeerView& peer) {
  const Settings& settings = draft.seen.settings;
  if (!peer.is_reachable || !peer.in_recovery || peer.nofailover || peer.watchdog_failed)
    return false;
  if (settings.check_timeline && peer.timeline < draft.cluster().newest_timeline()) return false;
  return lag_bytes(draft.cluster().status.optime, peer.position) <=
         static_cast<std::uint64_t>(settings.maximum_lag_on_failover_bytes);
}

struct Poll {
  bool is_complete = true;  // everybody who was asked has answered, or certainly will not
  bool finds_successor = false;
};

// What was answered before `since` says nothing about now: a member that has just become a standby
// again was none when it was asked for the election before.
Poll poll_of(const Draft& draft, const FailoverRequest& request,
             const std::map<NodeName, std::string>& asked, Instant since) {
  Poll poll;
  int good = 0;
  for (const auto& [name, url] : asked) {
    const PeerView* peer = draft.fresh_peer(name);
    if (peer != nullptr && peer->asked_at < since) peer = nullptr;
    poll.is_complete = poll.is_complete && peer != nullptr;
    const bool counts = request.candidate || !counts_votes(draft) || is_in_sync(draft, name);
    if (counts && peer != nullptr && is_good(draft, *peer)) ++good;
  }
  // The winner and those who vote for it (Patroni 4.0.5).
  const bool needs_votes = counts_votes(draft) && !request.candidate;
  poll.finds_successor = good > (needs_votes ? draft.cluster().sync->quorum : 0);
  return poll;
}

}  // namespace

bool handle_failover_request(Draft& draft) {
  if (!draft.cluster().failover || draft.seen.is_under_way(Lane::FailoverRequest)) return false;
  const FailoverRequest request = *draft.cluster().failover;
  if (request.leader && *request.leader != draft.me()) return false;  // K4 clears it
  if (request.candidate == draft.me()) return false;
  if (draft.seen.settings.paused) {
    // S5 in maintenance mode schedules rest, and only a named candidate can take over.
    if (request.scheduled_at || request.schedule_is_unreadable) {
      draft.because("S5", "maintenance mode: the scheduled request rests");
      return false;
    }
    if (!request.candidate) {
      refuse(draft, request, "maintenance mode: it needs a candidate");
      return false;
    }
  }
  if (schedule_is_not_due(draft, request)) return false;
  const auto asked = candidates(draft, request);
  if (asked.empty()) {
    refuse(draft, request, "no member can be its target");
    return false;
  }
  const Poll poll = poll_of(draft, request, asked, draft.memory.failover_request_at);
  if (poll.finds_successor) {
    draft.because("S4", "stepping down as asked" +
                            (request.candidate ? ", in favour of '" + *request.candidate + "'"
                                               : std::string{}));
    draft.say("manual failover: demoting myself");
    begin_stepping_down(draft, DemoteMode::Graceful, request.candidate);
    return true;
  }
  if (poll.is_complete) {
    refuse(draft, request, "no good candidates have been found");
    return false;
  }
  if (!draft.seen.is_under_way(Lane::Peers)) {
    draft.plan(ProbePeers{.targets = asked, .timeout = draft.probe_timeout()});
  }
  return false;
}

void refuse_request_that_failed(Draft& draft, std::string why) {
  const auto& request = draft.cluster().failover;
  const bool is_for_others = request && (!request->leader || *request->leader == draft.me()) &&
                             request->candidate != draft.me() && !request->scheduled_at;
  if (is_for_others && !draft.seen.is_under_way(Lane::FailoverRequest)) {
    refuse(draft, *request, std::move(why));
  }
}

Prospect prospect_of_failover(Draft& draft) {
  // As of a switchover: nothing that was acknowledged may be lost by it.
  FailoverRequest request;
  request.leader = draft.me();
  const auto asked = candidates(draft, request);
  const Poll poll = poll_of(draft, request, asked, Instant{});
  if (poll.finds_successor) return Prospect::Yes;
  if (poll.is_complete) return Prospect::No;
  if (!draft.seen.is_under_way(Lane::Peers)) {
    draft.plan(ProbePeers{.targets = asked, .timeout = draft.probe_timeout()});
  }
  return Prospect::Unknown;
}

}  // namespace pgherd
