#include "decide/rules/promotion.h"

#include <algorithm>

#include "decide/facts/promise.h"
#include "decide/moves/failed_promotion.h"
#include "decide/moves/fresh_word.h"

namespace pgherd {
namespace {

bool last_promotion_failed(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  return act && std::holds_alternative<Promote>(act->step) && act->outcome != ActOutcome::Done &&
         act->ended_at == draft.memory.acts.counted_at && draft.memory.acts.failed > 0;
}

// K5 the number of the new timeline is claimed in the store first. PostgreSQL takes the one after
// the last it has heard of: two that are promoted one after the other, the second without having
// heard of the first, would both write the same timeline, and whoever comes back later follows the
// wrong one without noticing (safety A7; sim seeds 51, 102, 319). The claim also proves once more
// that the key is mine (safety A4).
std::optional<Timeline> claimed_timeline(Draft& draft) {
  const Timeline here = draft.instance().timeline;
  const auto& claim = draft.cluster().claim;
  const Timeline newest = std::max(here, draft.newest_timeline_of_all());
  if (claim && claim->by == draft.me() && claim->timeline > newest) return claim->timeline;
  Timeline next = claim ? std::max(newest, claim->timeline) : newest;
  for (const auto& [name, peer] : draft.seen.peers) {
    if (peer.is_reachable) next = std::max(next, peer.timeline);
  }
  ++next.value;
  draft.because("K5", "claiming timeline " + std::to_string(next.value) + " for the promotion");
  draft.say("promoted self to leader by acquiring session lock");
  draft.plan(ClaimTimeline{.timeline = next, .seen = claim ? claim->mod_revision : Revision{}});
  return std::nullopt;
}

}  // namespace

// K4 whoever wins clears the request that led to it, and one for which it has stopped before: whom
// that names had its turn and could not be elected. Served again and again it would cost an outage
// each time (sim seed 350132187).
void clear_served_request(Draft& draft) {
  const auto& request = draft.cluster().failover;
  if (!request) return;
  const bool is_for_predecessor = request->leader && *request->leader != draft.me();
  const bool is_for_me = request->candidate == draft.me();
  // In maintenance mode it is the leave to promote.
  if (draft.seen.settings.paused && is_for_me && !draft.instance().is_running_primary()) return;
  if (is_for_predecessor || is_for_me) {
    draft.because("K4", "the request to change the leader is served: clearing it");
    draft.plan(ClearFailoverRequest{.seen = request->mod_revision});
  } else if (draft.memory.request.was_tried) {
    draft.warn("K4",
               "this node has stopped for the request to change the leader, and leads again: "
               "nobody could be elected; clearing it");
    draft.plan(ClearFailoverRequest{.seen = request->mod_revision});
  }
}

// E15 once more: the key may have become this node's before it knew, and the promise came between.
bool waits_for_promise(Draft& draft) {
  const FailsafePromise* promise = promise_in_force(draft);
  if (promise == nullptr) return false;
  draft.because("E15", "this node has accepted '" + promise->ping.name +
                           "' as the leader without the store, and waits for that to end");
  draft.say("waiting: '" + promise->ping.name + "' may still be a primary");
  return true;
}

bool settle_refused_promotion(Draft& draft) {
  if (last_promotion_failed(draft)) {
    if (may_leave_out_archive(draft)) {
      draft.because("K6", "the promotion failed (" + draft.seen.last_act->detail +
                              "): stopping PostgreSQL, to try without the archive");
      draft.plan(Stop{.mode = StopMode::Fast});
      return true;
    }
    give_up_promotion(draft);
  }
  if (draft.has_come(draft.memory.election.lead_again_at)) return false;
  draft.plan(draft.release_of_leader_key(draft.cluster().status));
  return true;
}

// K2 the key is mine and PostgreSQL is a standby: promote it, while the lease still has margin
// (safety A2). What the members have accepted without the store was for the primary that it was:
// the key may have ended since (sim seed 260000093). In maintenance mode the lease does not close
// it again, nor does a watchdog, and that mode may be over (sim seed 380071474).
void promote(Draft& draft, bool is_prepared) {
  if (draft.has_come(draft.promote_before())) {
    draft.say("waiting for the store to confirm the leader key");
    return;
  }
  const auto number = claimed_timeline(draft);
  if (!number || !is_prepared) return;
  if (draft.seen.settings.paused && !store_says_so_still(draft)) return;
  draft.because("K2", "holding the leader key: promoting PostgreSQL");
  draft.say("promoted self to leader by acquiring session lock");
  draft.plan(Promote{.lease_valid_until = draft.promote_before(), .timeline = *number});
}

}  // namespace pgherd
