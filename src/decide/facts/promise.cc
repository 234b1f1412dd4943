#include "decide/facts/promise.h"

#include <algorithm>

namespace pgherd {

Instant leads_since(const Observation& seen) {
  const Instant renewed = seen.session.renewed_at;
  return seen.settings.failsafe_mode && seen.failsafe_confirmed_at
             ? std::max(renewed, *seen.failsafe_confirmed_at)
             : renewed;
}

// Not by whom may be a primary already or is about to become one: the key may be this node's before
// it knows of it (safety 83). Not for anybody but the leader that this node knows.
bool may_promise(const Observation& seen, const FailsafePing& ping, std::string& why_not) {
  const InstanceView& instance = seen.instance;
  const bool may_be_open =
      instance.is_running_primary() ||
      (instance.process == ProcessState::Starting && !instance.has_standby_signal);
  const auto act = seen.under_way.find(Lane::Instance);
  const bool is_opening =
      act != seen.under_way.end() && may_open_for_writes(act->second.step) &&
      !(std::holds_alternative<Restart>(act->second.step) && instance.has_standby_signal);
  const auto& cluster = seen.store.cluster;
  const bool is_led = cluster && cluster->has_leader();
  if (!seen.settings.failsafe_mode) {
    why_not = "failsafe_mode is off";
  } else if (may_be_open || is_opening || seen.session.leads ||
             seen.under_way.contains(Lane::LeaderKey) ||
             (is_led && cluster->is_led_by(seen.self.name))) {
    why_not = "Running as a leader";
  } else if (is_led && seen.store.is_reachable && !cluster->is_led_by(ping.name)) {
    why_not = "'" + cluster->leader->name + "' holds the leader key";
  } else {
    return true;
  }
  return false;
}

FailsafePromise promise_to(const Observation& seen, const FailsafePing& ping, Instant now) {
  // However long it asks for, a failover is not put off for ever.
  constexpr Milliseconds kLongest = 600s;
  const Milliseconds ttl = std::max(seen.settings.ttl, std::min(ping.ttl, kLongest));
  const Instant before = seen.failsafe_promise ? seen.failsafe_promise->until : Instant{};
  return {.ping = ping, .until = std::max(before, now + ttl), .given_at = now};
}

Instant end_of_failsafe(const Observation& seen) {
  if (!seen.settings.failsafe_mode) return {};
  if (!seen.instance.is_running_primary()) {
    return seen.failsafe_promise ? seen.failsafe_promise->until : Instant{};
  }
  const bool is_accepted = seen.failsafe_confirmed_at && seen.session.leads &&
                           *seen.failsafe_confirmed_at > seen.session.renewed_at;
  return is_accepted ? *seen.failsafe_confirmed_at + seen.settings.ttl : Instant{};
}

bool failsafe_is_active(const Observation& seen, Instant now) {
  return now < end_of_failsafe(seen);
}

const FailsafePromise* promise_in_force(const Draft& draft) {
  const auto& promise = draft.seen.failsafe_promise;
  if (!promise || promise->ping.name == draft.me() || draft.has_come(promise->until))
    return nullptr;
  // It has found the store again and gave way; it would ask anew (sim seed 35123).
  const auto answer = draft.seen.peers.find(promise->ping.name);
  const bool has_closed = answer != draft.seen.peers.end() &&
                          answer->second.asked_at > promise->given_at &&
                          is_seen_not_to_lead(answer->second);
  return has_closed ? nullptr : &*promise;
}

bool is_seen_not_to_lead(const PeerView& peer) {
  return peer.is_demoted || (peer.is_reachable && peer.in_recovery);
}

}  // namespace pgherd
