#include "decide/moves/handing_over.h"

#include <utility>

#include "decide/facts/successor.h"

namespace pgherd {

void refuse_request(Draft& draft, const FailoverRequest& request, std::string why,
                    std::string_view rule) {
  draft.because(rule, "request to change the leader is refused: " + std::move(why));
  draft.plan(ClearFailoverRequest{.seen = request.mod_revision});
}

void refuse_request_that_failed(Draft& draft, std::string why) {
  const auto& request = draft.cluster().failover;
  const bool is_for_others = request && (!request->leader || *request->leader == draft.me()) &&
                             request->candidate != draft.me() && !request->scheduled_at;
  if (is_for_others && !draft.seen.is_under_way(Lane::FailoverRequest)) {
    refuse_request(draft, *request, std::move(why));
  }
}

Prospect prospect_of_failover(Draft& draft) {
  // As of a switchover: nothing that was acknowledged may be lost by it.
  FailoverRequest request;
  request.leader = draft.me();
  const auto asked = candidates_for(draft, request);
  const Poll poll = poll_of(draft, request, asked, Instant{});
  if (poll.finds_successor) return Prospect::Yes;
  if (poll.is_complete) return Prospect::No;
  if (!draft.seen.is_under_way(Lane::Peers)) {
    draft.plan(ProbePeers{.targets = asked, .timeout = draft.probe_timeout()});
  }
  return Prospect::Unknown;
}

}  // namespace pgherd
