#include "agent/store_answers.h"

#include <algorithm>
#include <utility>

#include "decide/decide.h"

namespace pgherd {
namespace {

void lose_lease(LeaseSession& session) {
  session.lease = {};
  session.leads = false;
  session.exchanged = {};
}

void forget_sync(Observation& seen) {
  if (!seen.store.cluster || !seen.session.unanswered_sync) return;
  const auto& sync = std::as_const(seen.store.cluster)->sync;
  const Revision present = sync ? sync->mod_revision : Revision{};
  if (present != *seen.session.unanswered_sync) seen.session.unanswered_sync.reset();
}

void forget_release(Observation& seen) {
  if (!seen.session.unanswered_release) return;
  const auto& leader = std::as_const(seen.store.cluster)->leader;
  const bool is_same = leader && leader->mod_revision == *seen.session.unanswered_release;
  if (!is_same) seen.session.unanswered_release.reset();
}

// A binding is asked for in sight of my own name in `/leader`. Who sees it gone has seen something
// later, and what was asked for cannot be carried out any more. Else a standby would keep its
// lease, whatever the ttl is by now, as long as it lives (sim seed 411042541).
void forget_binding(Observation& seen) {
  if (!seen.store.cluster || !may_be_bound_unknown(seen.session)) return;
  const auto& leader = std::as_const(seen.store.cluster)->leader;
  if (!leader || leader->name != seen.self.name) seen.session.unanswered_binding = {};
}

// True: what the key hangs on is gone.
bool note_lost_lease(Observation& seen, StoreOutcome outcome) {
  if (outcome != StoreOutcome::LeaseLost) return false;
  lose_lease(seen.session);
  return true;
}

void see_leader_revision(LeaseSession& session, Revision revision) {
  session.leader_revision = std::max(session.leader_revision, revision);
}

// Of a step that makes `/leader` mine.
void note_leader_key(Observation& seen, const StoreAnswer& answer) {
  LeaseSession& session = seen.session;
  if (note_lost_lease(seen, answer.outcome)) return;
  if (answer.outcome == StoreOutcome::Unknown) return;  // the next picture, or a renewal, tells
  see_leader_revision(session, answer.revision);
  session.leads = answer.outcome == StoreOutcome::Applied;
  session.exchanged = {};
  // A refusal says that `/leader` is not as it was: perhaps by an attempt before that nobody has
  // answered, and then the key ends with this lease. The guardian holds to that, too (sim seed
  // 704311).
  if (!session.leads) return;
  session.unanswered_binding = {};
  session.unanswered_release.reset();
  // The transaction proves whose key it is; how long it holds is the lease's last renewal.
  session.led_at = session.renewed_at;
  session.led_ttl = session.ttl;
}

void note_initialize(Observation& seen, const StoreAnswer& answer) {
  if (note_lost_lease(seen, answer.outcome) || answer.outcome == StoreOutcome::Unknown) return;
  Revision& known = seen.session.initialize_revision;
  known = std::max(known, answer.revision);
}

// The picture in which an own write shows, or nullptr when it was not applied.
ClusterView* picture_of(Observation& seen, const StoreAnswer& answer) {
  if (note_lost_lease(seen, answer.outcome)) return nullptr;
  if (answer.outcome != StoreOutcome::Applied || !seen.store.cluster) return nullptr;
  return &seen.store.cluster.edit();
}

// What was not answered may yet be carried out: it is remembered until the key is another one.
void note_sync(Observation& seen, Revision over, std::optional<SyncKey> written,
               const StoreAnswer& answer) {
  if (note_lost_lease(seen, answer.outcome)) return;
  if (answer.outcome == StoreOutcome::Unknown) {
    seen.session.unanswered_sync = over;
  } else if (answer.outcome == StoreOutcome::Applied && seen.store.cluster) {
    seen.session.sync_revision = std::max(seen.session.sync_revision, answer.revision);
    if (written) written->mod_revision = answer.revision;
    seen.store.cluster->sync = std::move(written);
  }
  forget_sync(seen);
}

}  // namespace

void note_answer(Observation& seen, const GrantLease& step, const LeaseAnswer& answer,
                 Instant sent) {
  if (note_lost_lease(seen, answer.outcome) || answer.outcome != StoreOutcome::Applied) return;
  LeaseSession& session = seen.session;
  // What hung on the old lease is bound to the new one by the next decisions.
  session.exchanged = session.leads ? session.lease : LeaseId{};
  session.leads = false;
  session.lease = answer.lease;
  session.asked_ttl = step.ttl;
  session.ttl = answer.ttl;
  session.renewed_at = sent;
}

void note_answer(Observation& seen, const RenewLease& step, const LeaseAnswer& answer,
                 Instant sent) {
  if (note_lost_lease(seen, answer.outcome) || answer.outcome == StoreOutcome::Unknown) return;
  LeaseSession& session = seen.session;
  if (step.lease != session.lease) return;
  session.renewed_at = sent;
  const bool is_mine = answer.outcome == StoreOutcome::Applied;
  if (is_mine && answer.ttl > 0ms) session.ttl = answer.ttl;
  if (!step.holds_leader_key || sent < session.key_answered_at) return;
  if (!is_mine) {
    // The lease lives, but `/leader` is not mine under it.
    session.leads = false;
    session.exchanged = {};
    return see_leader_revision(session, answer.revision);
  }
  session.leads = true;
  session.unanswered_binding = {};
  session.led_at = sent;
  session.led_ttl = session.ttl;
  see_leader_revision(session, answer.revision);
}

// Gone, whatever the answer was; the store forgets it in time by itself.
void note_answer(Observation& seen, const RevokeLease& /*step*/, const LeaseAnswer& /*answer*/,
                 Instant /*sent*/) {
  lose_lease(seen.session);
}

void note_answer(Observation& seen, const AcquireLeaderKey& /*step*/, const StoreAnswer& answer) {
  note_leader_key(seen, answer);
}

void note_answer(Observation& seen, const RebindLeaderKey& /*step*/, const StoreAnswer& answer) {
  note_leader_key(seen, answer);
}

void note_answer(Observation& seen, const FinishInitialize& /*step*/, const StoreAnswer& answer) {
  note_leader_key(seen, answer);
}

void note_answer(Observation& seen, const ReleaseLeaderKey& step, const StoreAnswer& answer) {
  if (note_lost_lease(seen, answer.outcome)) return;
  LeaseSession& session = seen.session;
  if (answer.outcome == StoreOutcome::Unknown) {
    if (step.seen.value != 0) session.unanswered_release = step.seen;
    return;
  }
  see_leader_revision(session, answer.revision);
  session.leads = false;
  session.exchanged = {};
  if (answer.outcome != StoreOutcome::Applied) return;
  session.unanswered_binding = {};
  session.unanswered_release.reset();
}

void note_answer(Observation& seen, const TakeInitializeKey& /*step*/, const StoreAnswer& answer) {
  note_initialize(seen, answer);
}

void note_answer(Observation& seen, const GiveBackInitializeKey& /*step*/,
                 const StoreAnswer& answer) {
  note_initialize(seen, answer);
}

void note_answer(Observation& seen, const RestoreKeys& /*step*/, const StoreAnswer& answer) {
  note_initialize(seen, answer);
}

void note_answer(Observation& seen, const PublishMember& step, const StoreAnswer& answer) {
  ClusterView* picture = picture_of(seen, answer);
  if (picture == nullptr) return;
  Member member = step.member;
  member.lease = step.lease;
  member.mod_revision = answer.revision;
  picture->members[member.name] = std::move(member);
}

void note_answer(Observation& seen, const PublishStatus& step, const StoreAnswer& answer) {
  if (ClusterView* picture = picture_of(seen, answer)) picture->status = step.status;
}

void note_answer(Observation& seen, const PublishHistory& step, const StoreAnswer& answer) {
  if (ClusterView* picture = picture_of(seen, answer)) picture->history = step.rows;
}

void note_answer(Observation& seen, const ClaimTimeline& step, const StoreAnswer& answer) {
  ClusterView* picture = picture_of(seen, answer);
  if (picture == nullptr) return;
  picture->claim = TimelineClaim{
      .timeline = step.timeline, .by = seen.self.name, .mod_revision = answer.revision};
}

void note_answer(Observation& seen, const PublishFailsafe& step, const StoreAnswer& answer) {
  if (ClusterView* picture = picture_of(seen, answer)) picture->failsafe = step.members;
}

void note_answer(Observation& seen, const ClearFailoverRequest& step, const StoreAnswer& answer) {
  ClusterView* picture = picture_of(seen, answer);
  if (picture == nullptr) return;
  if (picture->failover && picture->failover->mod_revision == step.seen) picture->failover.reset();
}

void note_answer(Observation& seen, const AnnounceStop& /*step*/, const StoreAnswer& answer) {
  ClusterView* picture = picture_of(seen, answer);
  if (picture == nullptr) return;
  picture->stopping = StopAnnouncement{.leader = seen.self.name, .mod_revision = answer.revision};
}

void note_answer(Observation& seen, const WithdrawStop& step, const StoreAnswer& answer) {
  ClusterView* picture = picture_of(seen, answer);
  if (picture == nullptr) return;
  if (picture->stopping && picture->stopping->mod_revision == step.seen) picture->stopping.reset();
}

void note_answer(Observation& seen, const WriteSync& step, const StoreAnswer& answer) {
  note_sync(seen, step.seen, step.value, answer);
}

void note_answer(Observation& seen, const DeleteSync& step, const StoreAnswer& answer) {
  note_sync(seen, step.seen, std::nullopt, answer);
}

void forget_answered_by_picture(Observation& seen) {
  forget_sync(seen);
  forget_release(seen);
  forget_binding(seen);
}

void note_binding_asked(Observation& seen) {
  if (may_be_bound_unknown(seen.session)) return;
  seen.session.unanswered_binding = seen.session.lease;
  seen.session.unanswered_binding_since = leads_since(seen);
}

}  // namespace pgherd
