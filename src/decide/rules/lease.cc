#include "decide/rules/lease.h"

#include <algorithm>

#include "decide/facts/claim.h"

namespace pgherd {
namespace {

// An attempt that failed is repeated soon: the lease is running out, and etcd elections are short.
constexpr Duration kRetryGap = 150ms;

// The claim of a cluster that is being made ends with the lease that it hangs on (sim seed 2008).
// As long as nobody has said whether the leader key hangs on the present lease, the guardian waits
// no longer than that one lasts: nor may the agent count on a longer one (sim seed 691).
bool ttl_has_changed(const Draft& draft) {
  return !is_bootstrapping(draft) && !may_be_bound_unknown(draft.seen.session) &&
         draft.seen.session.asked_ttl != draft.seen.settings.ttl;
}

// Neither before `earliest`.
void get_lease(Draft& draft, Instant earliest) {
  if (!draft.has_come(earliest)) return;
  if (draft.seen.session.lease.exists() && draft.has_lease()) {
    draft.because("L2", "the ttl was changed: getting a lease of the new length");
  } else {
    draft.because("L1", "no lease: getting one");
  }
  draft.plan(GrantLease{.ttl = draft.seen.settings.ttl});
}

void renew_lease(Draft& draft, Instant earliest) {
  const LeaseSession& session = draft.seen.session;
  const bool is_unconfirmed = draft.leadership() == Leadership::Mine && !session.leads &&
                              draft.seen.store.cluster && draft.cluster().leader &&
                              draft.cluster().leader->lease == session.lease;
  const Instant due = std::max(session.renewed_at + draft.margins().renew_every, earliest);
  if (!draft.has_come(is_unconfirmed ? earliest : due)) return;
  // That it renews is no news; that it has to try again is.
  if (session.tried_at && *session.tried_at > session.renewed_at) {
    draft.because("L3", "the last renewal was not confirmed: trying again");
  }
  const bool holds = draft.leadership() == Leadership::Mine && (session.leads || is_unconfirmed);
  draft.plan(RenewLease{.lease = session.lease, .holds_leader_key = holds});
}

}  // namespace

// L1 no lease, or it has certainly expired: get one. L2 the ttl was changed: get one with the new
// ttl; what hangs on the old one is bound again. L3 renew in time. L4 `/leader` names me under
// another lease, since the agent was restarted or the ttl changed: bind it to mine. Authority:
// Patroni etcd3.py (refresh_lease, _update_leader); etcd 3.5 API, Lease.
void keep_session(Draft& draft) {
  const LeaseSession& session = draft.seen.session;
  const Instant earliest = session.tried_at ? *session.tried_at + kRetryGap : Instant{};  // NOLINT
  const bool must_grant = !session.lease.exists() || ttl_has_changed(draft) || !draft.has_lease();
  if (draft.seen.is_leaving && !session.lease.exists()) return;
  if (!draft.seen.is_under_way(Lane::Lease)) {
    if (must_grant) {
      get_lease(draft, earliest);
    } else {
      renew_lease(draft, earliest);
    }
  }
  if (must_grant || draft.leadership() != Leadership::Mine || !draft.seen.store.cluster) return;
  const auto& leader = draft.cluster().leader;
  if (leader && leader->name == draft.me() && leader->lease != session.lease &&
      draft.cluster().revision >= session.leader_revision &&
      !draft.seen.is_under_way(Lane::LeaderKey)) {
    draft.plan(RebindLeaderKey{.lease = session.lease, .seen = leader->mod_revision});
    draft.because("L4",
                  "the leader key is mine under another lease: binding it to the present one");
  }
}

// L4 also when a release was not answered and is not wanted any more: it might be carried out while
// PostgreSQL is open. Written again the key is another one, and the release void (sim seed 500353).
void void_late_release(Draft& draft) {
  const LeaseSession& session = draft.seen.session;
  if (!session.unanswered_release || !draft.may_be_releasing() || !draft.has_lease() ||
      draft.leadership() != Leadership::Mine || draft.seen.is_leaving ||
      draft.cluster().leader->lease != session.lease || draft.seen.is_under_way(Lane::LeaderKey)) {
    return;
  }
  const bool is_settled =
      std::none_of(draft.planned().begin(), draft.planned().end(),
                   [](const Step& step) { return lane_of(step) == Lane::LeaderKey; });
  if (!is_settled) return;
  draft.because("L4", "a release of the leader key was not answered: writing the key again");
  draft.plan(RebindLeaderKey{.lease = session.lease, .seen = *session.unanswered_release});
}

// L5 what opens PostgreSQL was told when it began until when it may; a checkpoint, a shutdown or a
// script in it may take longer than a lease, which is renewed meanwhile. Not earlier than it
// matters, so that most acts never hear of it.
void extend_act(Draft& draft) {
  const auto act = draft.seen.under_way.find(Lane::Instance);
  if (act == draft.seen.under_way.end()) return;
  const Instant planned = lease_that_holds(act->second.step);
  const Plan& plan = draft.planned();
  const bool is_to_end =
      draft.seen.is_leaving || draft.memory.stepping_down.state != SteppingDown::No ||
      std::any_of(plan.begin(), plan.end(),
                  [](const Step& step) { return std::holds_alternative<CancelInstanceAct>(step); });
  if (planned.is_never() || is_to_end || !draft.may_lead()) return;
  ActsMemory& told = draft.memory.acts;
  if (told.extended_act != act->second.started_at) {
    told.extended_act = act->second.started_at;
    told.extended_to = planned;
  }
  if (!draft.has_come(told.extended_to - draft.margins().demote_after / 2)) return;
  const bool is_promotion = std::holds_alternative<Promote>(act->second.step);
  const Instant until = is_promotion ? draft.promote_before() : draft.demote_at();
  if (until <= told.extended_to) return;
  told.extended_to = until;
  draft.because("L5", "the lease was renewed: what is under way may open PostgreSQL for as long");
  draft.plan(ExtendInstanceAct{.lease_valid_until = until});
}

}  // namespace pgherd
