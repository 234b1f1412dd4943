#include <algorithm>

#include "decide/rules.h"

namespace pgherd {
namespace {

bool last_promotion_failed(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  return act && std::holds_alternative<Promote>(act->step) && act->outcome != ActOutcome::Done &&
         act->ended_at == draft.memory.counted_act_at && draft.memory.failed_acts > 0;
}

// No archive is to blame for a script that said no.
bool may_leave_out_archive(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  if (act && act->outcome == ActOutcome::Refused) return false;
  return draft.memory.has_archive && !draft.memory.tried_without_archive;
}

// K3 a promotion that failed, or that pre_promote has refused, gives the key back for ttl, so that
// others get their turn.
void give_up_promotion(Draft& draft) {
  const auto& act = draft.seen.last_act;
  const bool has_detail = act && act->outcome != ActOutcome::Done && !act->detail.empty();
  draft.leave_the_field_for(draft.seen.settings.ttl);
  draft.memory.failed_acts = 0;
  draft.memory.tried_without_archive = false;
  draft.because("K3", "the promotion failed" + (has_detail ? " (" + act->detail + ")" : "") +
                          ": releasing the leader key");
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

// K2 the key is mine and PostgreSQL is a standby: promote it, while the lease still has margin
// (safety A2).
void promote(Draft& draft) {
  if (last_promotion_failed(draft)) {
    if (may_leave_out_archive(draft)) {
      draft.because("K6", "the promotion failed (" + draft.seen.last_act->detail +
                              "): stopping PostgreSQL, to try without the archive");
      draft.plan(Stop{.mode = StopMode::Fast});
      return;
    }
    give_up_promotion(draft);
  }
  if (draft.now < draft.memory.lead_again_at) {
    draft.plan(draft.release_of_leader_key(draft.cluster().status));
    return;
  }
  const bool is_prepared = prepare_synchronous(draft);
  const auto number = claimed_timeline(draft);
  if (!number || !is_prepared) return;
  draft.because("K2", "holding the leader key: promoting PostgreSQL");
  draft.say("promoted self to leader by acquiring session lock");
  draft.plan(Promote{.lease_valid_until = draft.demote_at(), .timeline = *number});
}

// E15 once more: the key may have become this node's before it knew, and the promise came between.
bool waits_for_promise(Draft& draft) {
  const FailsafePromise* promise = promise_in_force(draft);
  if (promise == nullptr) return false;
  draft.because("E15", "this node has accepted '" + promise->ping.name +
                           "' as the leader without the store, and waits for that to end");
  draft.say("waiting: '" + promise->ping.name + "' may still be a primary");
  draft.wake(promise->until);
  return true;
}

// K4 whoever wins clears the request that led to it.
void clear_served_request(Draft& draft) {
  const auto& request = draft.cluster().failover;
  const bool is_for_predecessor = request && request->leader && *request->leader != draft.me();
  const bool is_for_me = request && request->candidate == draft.me();
  // In maintenance mode it is the leave to promote.
  if (draft.seen.settings.paused && is_for_me && !draft.instance().is_running_primary()) return;
  if (request && (is_for_predecessor || is_for_me)) {
    draft.because("K4", "the request to change the leader is served: clearing it");
    draft.plan(ClearFailoverRequest{.seen = request->mod_revision});
  }
}

}  // namespace

// K6 PostgreSQL ends a promotion when a file of the archive is not what it should be (a segment cut
// short by the death of the former primary's archiver), though all that it needs may be in pg_wal:
// so the first time it is tried once more without the archive, under the same key. Then K3, as for
// one that was refused: a server that has ended is no lesser failure, and without a pause the same
// node would take the key and fail once a second, for ever. Authority: PostgreSQL xlogarchive.c
// RestoreArchivedFile (a wrong size is fatal outside of standby mode).
bool settle_failed_promotion(Draft& draft) {
  if (draft.memory.failed_promotions == 0) return false;
  if (may_leave_out_archive(draft)) {
    draft.because("K6", "the promotion failed: starting PostgreSQL without restore_command, to "
                        "promote it with what is in pg_wal");
    draft.plan(StartStandby{.upstream = Upstream{.is_without_archive = true}});
    return true;
  }
  give_up_promotion(draft);
  draft.plan(draft.release_of_leader_key(draft.cluster().status));
  return true;
}

// Nothing but to go on. Everything here presumes a confirmed lease with margin.
void lead(Draft& draft) {
  if (!draft.may_lead()) {
    draft.say("waiting for the store to confirm the leader key");
    return;
  }
  const InstanceView& instance = draft.instance();
  if (!draft.seen.is_under_way(Lane::FailoverRequest)) clear_served_request(draft);
  if (draft.seen.settings.standby_cluster && lead_standby_cluster(draft)) return;
  if (instance.is_running_standby()) {
    if (waits_for_promise(draft) || watchdog_keeps_closed(draft)) return;
    return promote(draft);
  }
  if (!instance.is_running_primary() || watchdog_keeps_closed(draft)) return;
  draft.say("no action. I am (" + draft.me() + "), the leader with the lock");
  if (handle_failover_request(draft)) return;
  keep_synchronous(draft);
}

}  // namespace pgherd
