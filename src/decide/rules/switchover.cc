#include "decide/rules/switchover.h"

#include <algorithm>

#include "decide/facts/routers.h"
#include "decide/facts/successor.h"
#include "decide/moves/handing_over.h"
#include "decide/moves/stepping_down.h"

namespace pgherd {
namespace {

// True: it is not due yet, or was cleared. S2 a schedule without a readable time and zone, or one
// that was missed by far, is cleared (Patroni ha.py should_run_scheduled_action).
bool schedule_is_not_due(Draft& draft, const FailoverRequest& request) {
  if (request.schedule_is_unreadable) {
    refuse_request(draft, request, "scheduled_at is not an ISO 8601 time with a zone", "S2");
    return true;
  }
  // Its time came, and it waits for routers since (S7).
  if (!request.scheduled_at || draft.memory.request.routers_awaited_since) return false;
  const Duration ahead = std::chrono::microseconds(request.scheduled_at->microseconds -
                                                   draft.seen.wall_now.microseconds);
  if (ahead > 0ns) {
    draft.wake_in(ahead);
    return true;
  }
  const Duration too_late = std::max<Duration>(draft.seen.settings.loop_wait * 3 / 2, 5s);
  if (-ahead > too_late) {
    refuse_request(draft, request, "its scheduled time has passed long ago", "S2");
    return true;
  }
  return false;
}

// By this very decision, too: what has just been refused must not be served (D7).
bool is_being_cleared(const Draft& draft) {
  const Plan& plan = draft.planned();
  return draft.seen.is_under_way(Lane::FailoverRequest) ||
         std::any_of(plan.begin(), plan.end(), [](const Step& step) {
           return std::holds_alternative<ClearFailoverRequest>(step);
         });
}

// Those who could take over are there still when it has come to that.
void keep_asking(Draft& draft, const std::map<NodeName, std::string>& asked) {
  constexpr Duration kProbeGap = 100ms;
  const bool asked_lately = std::all_of(asked.begin(), asked.end(), [&](const auto& target) {
    const auto found = draft.seen.peers.find(target.first);
    return found != draft.seen.peers.end() && !draft.has_come(found->second.asked_at + kProbeGap);
  });
  if (!asked_lately && !draft.seen.is_under_way(Lane::Peers)) {
    draft.plan(ProbePeers{.targets = asked, .timeout = draft.probe_timeout()});
  }
}

// S6 whoever takes over has to receive the shutdown checkpoint (D6). A standby that is between two
// timelines or reconnects does not, and the leader would stop for nothing (D7): it is waited for
// while PostgreSQL is still open. The leader of a standby cluster is no primary: it has no record
// of its own.
void await_stream(Draft& draft, const FailoverRequest& request,
                  const std::map<NodeName, std::string>& asked) {
  constexpr Duration kStreamLimit = 5s;
  auto& since = draft.memory.request.unstreamed_since;
  if (!since) since = draft.moment();
  if (draft.has_come(*since + kStreamLimit)) {
    refuse_request(draft, request,
                   (request.candidate ? "'" + *request.candidate + "' does not stream"
                                      : "nobody who could take over streams") +
                       " and would not receive the last record",
                   "S6");
    return;
  }
  draft.because("S6", "stepping down as asked when " +
                          (request.candidate ? "'" + *request.candidate + "'" : "a successor") +
                          " streams");
  keep_asking(draft, asked);
}

// S7 routers let the sessions that they lead to this primary come to rest, so that their clients
// see no error; one that does not say that they do holds up the request for so long and no longer.
bool routers_are_awaited(Draft& draft, const FailoverRequest& request,
                         const std::map<NodeName, std::string>& asked) {
  const std::string* router = router_in_motion(draft, request.mod_revision);
  if (router == nullptr) return false;
  auto& since = draft.memory.request.routers_awaited_since;
  if (!since) since = draft.moment();
  if (draft.has_come(*since + kRestLimit)) return false;
  draft.because(
      "S7", "stepping down as asked when the sessions of the router '" + *router + "' are at rest");
  keep_asking(draft, asked);
  return true;
}

std::string why_nobody_is_found(const FailoverRequest& request, const Poll& poll) {
  if (poll.missing_votes == 0) return "no good candidates have been found";
  return "'" + *request.candidate + "' could not be elected: of the synchronous standbys " +
         std::to_string(poll.missing_votes) + " more would have to answer";
}

}  // namespace

bool handle_failover_request(Draft& draft) {
  if (!draft.cluster().failover || is_being_cleared(draft)) return false;
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
      refuse_request(draft, request, "maintenance mode: it needs a candidate");
      return false;
    }
  }
  if (schedule_is_not_due(draft, request)) return false;
  const auto asked = electorate_for(draft, request);
  if (asked.empty()) {
    refuse_request(draft, request, "no member can be its target");
    return false;
  }
  const Poll poll = poll_of(draft, request, asked, draft.memory.request.known_since);
  if (poll.finds_successor && !poll.successor_streams && draft.instance().is_running_primary()) {
    await_stream(draft, request, asked);
    return false;
  }
  if (poll.finds_successor && draft.instance().is_running_primary() &&
      routers_are_awaited(draft, request, asked)) {
    return false;
  }
  if (poll.finds_successor) {
    draft.because("S4", "stepping down as asked" +
                            (request.candidate ? ", in favour of '" + *request.candidate + "'"
                                               : std::string{}));
    draft.say("manual failover: demoting myself");
    draft.memory.request.was_tried = true;
    begin_stepping_down(draft, DemoteMode::Graceful, request.candidate);
    return true;
  }
  if (poll.is_complete) {
    refuse_request(draft, request, why_nobody_is_found(request, poll));
    return false;
  }
  if (!draft.seen.is_under_way(Lane::Peers)) {
    draft.plan(ProbePeers{.targets = asked, .timeout = draft.probe_timeout()});
  }
  return false;
}

}  // namespace pgherd
