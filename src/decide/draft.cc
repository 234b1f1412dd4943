#include "decide/draft.h"

#include <algorithm>

namespace pgherd {
namespace {

// What counts is the lease that is held (sim seed 58: a shorter ttl must not end what the store
// still grants).
LeaseMargins margins_of(const Observation& seen) {
  const bool is_held = seen.session.lease.exists() && seen.session.ttl > 0ms;
  return lease_margins(seen.settings, is_held ? seen.session.ttl : seen.settings.ttl);
}

Leadership leadership_of(const Observation& seen) {
  if (!seen.store.cluster) return seen.session.leads ? Leadership::Mine : Leadership::Nobodys;
  const ClusterView& cluster = *seen.store.cluster;
  if (cluster.revision < seen.session.leader_revision) {
    return seen.session.leads ? Leadership::Mine : Leadership::Nobodys;
  }
  if (!cluster.has_leader()) return Leadership::Nobodys;
  return cluster.is_led_by(seen.self.name) ? Leadership::Mine : Leadership::Others;
}

}  // namespace

Draft::Draft(const Observation& observation, const Memory& remembered, Instant moment)
    : seen(observation),
      memory(remembered),
      now_(moment),
      margins_(margins_of(observation)),
      leadership_(leadership_of(observation)) {}

bool Draft::has_lease() const {
  return seen.session.lease.exists() && !has_come(seen.session.renewed_at + seen.session.ttl);
}

bool Draft::cluster_is_made_by_another() const {
  const auto& initialize = cluster().initialize;
  if (!initialize) return false;
  if (initialize->is_in_progress()) return initialize->lease != seen.session.lease;
  return !instance().control || initialize->value != instance().control->system_id;
}

Instant Draft::demote_at() const {
  return leads_since(seen) + margins_.demote_after;
}

Instant Draft::promote_before() const {
  return seen.session.renewed_at + margins_.demote_after;
}

Instant Draft::stop_at() const {
  const auto& resumed = memory.pause.first_renewal_since;
  const Instant end =
      resumed ? std::max(demote_at(), *resumed + margins_.demote_after) : demote_at();
  return std::min(end, refused_at());
}

// The key is bound to the present lease, or is just being bound to it: it ends with it.
Instant Draft::end_of_binding() const {
  const LeaseSession& session = seen.session;
  if (may_be_bound_unknown(session)) {
    return session.unanswered_binding_since + margins_.demote_after;
  }
  const bool is_bound =
      seen.store.cluster && cluster().is_led_by(me()) && cluster().leader->lease == session.lease;
  return is_bound ? demote_at() : Instant::never();
}

LeaseMargins Draft::shortest_margins() const {
  Milliseconds ttl = seen.settings.ttl;
  if (seen.session.led_at) ttl = std::min(ttl, seen.session.led_ttl);
  if (seen.session.ttl > 0ms) ttl = std::min(ttl, seen.session.ttl);
  return lease_margins(seen.settings, ttl);
}

Instant Draft::end_of_promises(Instant led_since) const {
  // A lease of another length took the place of the one by which it led; `/leader` hangs on that
  // one until it is bound anew.
  const LeaseSession& session = seen.session;
  const Milliseconds led_ttl = session.led_at ? session.led_ttl : seen.settings.ttl;
  const Duration lasts = lease_margins(seen.settings, led_ttl).demote_after;
  const Instant end_of_lease =
      std::min(session.led_at.value_or(led_since) + lasts, end_of_binding());
  // Nobody takes its place for as long after a failsafe round; the store is back, the key is free.
  const bool is_promised = seen.settings.failsafe_mode && seen.failsafe_confirmed_at;
  if (!is_promised) return end_of_lease;
  return std::max(end_of_lease, *seen.failsafe_confirmed_at + shortest_margins().demote_after);
}

// H4: Patroni's own rule would have a refused leader retry the store for as long, and stop.
Instant Draft::refused_at() const {
  const auto& since = memory.failsafe.refused_since;
  return since ? *since + seen.settings.retry_timeout + seen.settings.loop_wait : Instant::never();
}

bool Draft::may_be_releasing() const {
  if (seen.under_way_as<ReleaseLeaderKey>(Lane::LeaderKey) != nullptr) return true;
  const auto& unanswered = seen.session.unanswered_release;
  return unanswered && seen.store.cluster && cluster().leader &&
         cluster().leader->mod_revision == *unanswered;
}

bool Draft::may_lead() const {
  return leadership_ == Leadership::Mine && !may_be_releasing() && seen.session.leads &&
         seen.session.lease.exists() && !has_come(std::min(demote_at(), refused_at()));
}

const PeerView* Draft::fresh_peer(const NodeName& name) const {
  const auto found = seen.peers.find(name);
  if (found == seen.peers.end()) return nullptr;
  const PeerView& peer = found->second;
  if (has_come(peer.asked_at + kPeerFreshness + probe_timeout())) return nullptr;
  // An answer from before the lease ended knows nothing of the present race.
  if (memory.election.unlocked_since && peer.asked_at < *memory.election.unlocked_since)
    return nullptr;
  return &peer;
}

ReleaseLeaderKey Draft::release_of_leader_key(StatusKey status) const {
  const auto& leader = cluster().leader;
  return {.status = std::move(status), .seen = leader ? leader->mod_revision : Revision{}};
}

Timeline Draft::newest_timeline_of_all() const {
  const Timeline published = cluster().newest_timeline();
  const auto& claim = cluster().claim;
  return claim && claim->by != me() ? std::max(published, claim->timeline) : published;
}

Milliseconds Draft::probe_timeout() const {
  return probe_patience(seen.settings);
}

void Draft::because(std::string_view rule, std::string text) {
  reasons_.push_back(Reason{.rule = std::string(rule), .text = std::move(text)});
}

void Draft::warn(std::string_view rule, std::string text) {
  reasons_.push_back(
      Reason{.rule = std::string(rule), .text = std::move(text), .is_warning = true});
}

void Draft::leave_the_field_for(Duration time) {
  // If nobody can take its place, trying again soon is better than nobody; later and later, where
  // it was tried in vain.
  constexpr Duration kAlone = 2s;
  constexpr Duration kAloneAtMost = 10s;
  const Duration alone =
      std::min(kAlone * (1 << std::clamp(memory.promotion.failures - 1, 0, 3)), kAloneAtMost);
  memory.election.lead_again_at = std::max(memory.election.lead_again_at, now_ + time);
  memory.election.lead_alone_at = now_ + std::min(time, alone);
}

bool Draft::has_come(Instant at) const {
  if (now_ >= at) return true;
  wake(at);
  return false;
}

void Draft::wake(Instant at) const {
  wake_at_ = std::min(wake_at_, at);
}

Decision Draft::finish() {
  if (!memory.began_at) memory.began_at = now_;
  wake_in(seen.settings.loop_wait);
  constexpr std::string_view kPause = "PAUSE: ";
  if (seen.settings.paused && !summary_.empty()) summary_.insert(0, kPause);
  const int failed_promotions = memory.promotion.failures;
  const FenceOrder fence = memory.fence;
  const bool awaits_store = memory.pause.asks_to_open;
  const bool is_leader = may_lead() && memory.stepping_down.state == SteppingDown::No;
  return Decision{
      .plan = std::move(plan_),
      .memory = std::move(memory),
      .fence = fence,
      .reasons = std::move(reasons_),
      .wake_at = wake_at_,
      .look_every = look_every_,
      .awaits_store = awaits_store,
      .summary = std::move(summary_),
      .is_leader = is_leader,
      .own_member = std::move(own_member_),
      .watchdog_failed = watchdog_failed_,
      .failed_promotions = failed_promotions,
  };
}

}  // namespace pgherd
