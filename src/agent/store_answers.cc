#include "agent/store_answers.h"

#include <algorithm>
#include <utility>

#include "decide/decide.h"

namespace pgherd {
namespace {

void lose_lease(Session& session) {
  session.lease = {};
  session.leads = false;
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

}  // namespace

void note_lease_answer(Observation& seen, const StepEnded& event, const UnderWay& step) {
  Session& session = seen.session;
  if (event.store == StoreOutcome::LeaseLost) {
    return lose_lease(session);
  }
  if (const auto* grant = std::get_if<GrantLease>(&step.step)) {
    if (event.store != StoreOutcome::Applied) return;
    // What hung on the old lease is bound to the new one by the next decisions.
    session.leads = false;
    session.lease = event.lease;
    session.asked_ttl = grant->ttl;
    session.ttl = event.ttl;
    session.renewed_at = step.started_at;
    return;
  }
  if (const auto* renew = std::get_if<RenewLease>(&step.step)) {
    if (renew->lease != session.lease) return;
    if (event.store == StoreOutcome::Refused) {
      // The lease lives, but `/leader` is not mine under it.
      session.renewed_at = step.started_at;
      session.leads = false;
      session.leader_revision = std::max(session.leader_revision, event.revision);
    } else if (event.store == StoreOutcome::Applied) {
      session.renewed_at = step.started_at;
      if (event.ttl > 0ms) session.ttl = event.ttl;
      if (renew->holds_leader_key) {
        session.leads = true;
        session.unanswered_binding = {};
        session.led_at = step.started_at;
        session.led_ttl = session.ttl;
        session.leader_revision = std::max(session.leader_revision, event.revision);
      }
    }
    return;
  }
  // RevokeLease: gone, whatever the answer was; the store forgets it in time by itself.
  lose_lease(session);
}

void note_leader_key_answer(Observation& seen, const StepEnded& event, const UnderWay& step) {
  Session& session = seen.session;
  if (event.store == StoreOutcome::LeaseLost) {
    return lose_lease(session);
  }
  const auto* release = std::get_if<ReleaseLeaderKey>(&step.step);
  if (event.store == StoreOutcome::Unknown) {  // the next picture, or a renewal, tells
    if (release != nullptr && release->seen.value != 0) session.unanswered_release = release->seen;
    return;
  }
  session.leader_revision = std::max(session.leader_revision, event.revision);
  const bool applied = event.store == StoreOutcome::Applied;
  // A refusal says that `/leader` is not as it was: perhaps by an attempt before that nobody has
  // answered, and then the key ends with this lease. The guardian holds to that, too (sim seed
  // 704311).
  if (applied) session.unanswered_binding = {};
  if (applied) session.unanswered_release.reset();
  if (release != nullptr) {
    session.leads = false;
    return;
  }
  session.leads = applied;
  // The transaction proves whose key it is; how long it holds is the lease's last renewal.
  if (!applied) return;
  session.led_at = session.renewed_at;
  session.led_ttl = session.ttl;
}

// Own writes enter the picture at once: what is on its way back through the watch is no news.
void note_write_answer(Observation& seen, const StepEnded& event, const UnderWay& step) {
  if (event.store == StoreOutcome::LeaseLost) {
    return lose_lease(seen.session);
  }
  if (lane_of(step.step) == Lane::Initialize && event.store != StoreOutcome::Unknown) {
    seen.session.initialize_revision = std::max(seen.session.initialize_revision, event.revision);
  }
  if (event.store != StoreOutcome::Applied || !seen.store.cluster) return;
  ClusterView& cluster = seen.store.cluster.edit();
  if (const auto* publish = std::get_if<PublishMember>(&step.step)) {
    Member member = publish->member;
    member.lease = publish->lease;
    member.mod_revision = event.revision;
    cluster.members[member.name] = std::move(member);
  } else if (const auto* status = std::get_if<PublishStatus>(&step.step)) {
    cluster.status = status->status;
  } else if (const auto* history = std::get_if<PublishHistory>(&step.step)) {
    cluster.history = history->rows;
  } else if (const auto* claim = std::get_if<ClaimTimeline>(&step.step)) {
    cluster.claim = TimelineClaim{
        .timeline = claim->timeline, .by = seen.self.name, .mod_revision = event.revision};
  } else if (const auto* failsafe = std::get_if<PublishFailsafe>(&step.step)) {
    cluster.failsafe = failsafe->members;
  } else if (const auto* clear = std::get_if<ClearFailoverRequest>(&step.step)) {
    if (cluster.failover && cluster.failover->mod_revision == clear->seen) cluster.failover.reset();
  }
}

// What was not answered may yet be carried out: it is remembered until the key is another one.
void note_sync_answer(Observation& seen, const StepEnded& event, const UnderWay& step) {
  if (event.store == StoreOutcome::LeaseLost) {
    return lose_lease(seen.session);
  }
  const auto* write = std::get_if<WriteSync>(&step.step);
  const Revision over = write != nullptr ? write->seen : std::get<DeleteSync>(step.step).seen;
  if (event.store == StoreOutcome::Unknown) {
    seen.session.unanswered_sync = over;
  } else if (event.store == StoreOutcome::Applied && seen.store.cluster) {
    seen.session.sync_revision = std::max(seen.session.sync_revision, event.revision);
    auto& sync = seen.store.cluster->sync;
    sync.reset();
    if (write != nullptr) {
      sync = write->value;
      sync->mod_revision = event.revision;
    }
  }
  forget_sync(seen);
}

void forget_answered_by_picture(Observation& seen) {
  forget_sync(seen);
  forget_release(seen);
}

void note_binding_asked(Observation& seen) {
  if (may_be_bound_unknown(seen.session)) return;
  seen.session.unanswered_binding = seen.session.lease;
  seen.session.unanswered_binding_since = leads_since(seen);
}

}  // namespace pgherd
