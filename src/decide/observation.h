// Observation: all that `decide` may look at, as one value. Each part says when it was seen.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/shared.h"
#include "model/cluster_view.h"
#include "model/identity.h"
#include "model/instance_view.h"
#include "model/peer_view.h"
#include "model/requests.h"
#include "model/settings.h"
#include "model/watchdog_view.h"
#include "steps/step.h"

namespace pgherd {

// The store as last read. A watch keeps `cluster` current; `confirmed_at` is the last moment at
// which the store proved that this picture is not an old one (an answer, an event, a progress
// mark).
struct StoreSeen {
  Shared<ClusterView> cluster;
  Instant confirmed_at;
  bool is_reachable = false;
  std::string problem;
  bool operator==(const StoreSeen&) const = default;
};

// My lease. Instants are moments of *sending*: the store counts from later, never from earlier.
struct LeaseSession {
  LeaseId lease;
  Instant renewed_at;        // sending of the last grant or keep-alive that the store confirmed
  Milliseconds ttl{};        // what the store gave
  Milliseconds asked_ttl{};  // what was asked for
  std::optional<Instant> tried_at;  // the last attempt to grant or renew, whatever came of it
  // The last answer about `/leader` (acquire, rebind, renewal with confirmation, release) said that
  // it names me under `lease`; `leader_revision` is the store's revision at which it was so. A
  // picture older than that says nothing against it.
  bool leads = false;
  Revision leader_revision;
  // When the last answer came of a step that takes or gives `/leader`. A renewal that was sent
  // before then was confirmed before it, and tells nothing of the key (sim seed 50008270).
  Instant key_answered_at;
  // The store's revision at the last answer to a claim on `/initialize`, granted or not.
  Revision initialize_revision;
  // Sending of the last request that confirmed it; stays when leadership is lost.
  std::optional<Instant> led_at;
  // `/sync` as it was when a write was sent that nobody has answered: it may still be carried out,
  // as long as the key has that revision.
  std::optional<Revision> unanswered_sync;
  // `/leader` as it was when a release was sent that nobody has answered: it may still be deleted,
  // as long as the key has that revision.
  std::optional<Revision> unanswered_release;
  // The store's revision at my last write of `/sync`; an older picture does not show it.
  Revision sync_revision;
  Milliseconds led_ttl{};  // of the lease by which it was so
  // By which it led when it was exchanged for one of another length: `/leader` hangs on it until it
  // is bound to the present one.
  LeaseId exchanged;
  // The key may be bound to this lease, nobody has answered; and since when the lease was good when
  // that was first asked for. What is renewed meanwhile is no news to the guardian.
  LeaseId unanswered_binding;
  Instant unanswered_binding_since;
  bool operator==(const LeaseSession&) const = default;
};

[[nodiscard]] inline bool may_be_bound_unknown(const LeaseSession& session) {
  return session.lease.exists() && session.unanswered_binding == session.lease;
}

// The last act of the instance lane.
struct ActEnded {
  Step step;
  ActOutcome outcome{};
  std::string detail;
  Instant ended_at;
  bool is_looked_at = true;  // false: what it has made of PostgreSQL has not been seen
  bool operator==(const ActEnded&) const = default;
};

struct UnderWay {
  Step step;
  Instant started_at;
  bool operator==(const UnderWay&) const = default;
};

// A primary without the store asked, and this node has promised not to take its place for ttl.
struct FailsafePromise {
  FailsafePing ping;
  Instant until;
  Instant given_at;
  bool operator==(const FailsafePromise&) const = default;
};

struct Observation {
  Identity self;
  Settings settings;
  StoreSeen store;
  LeaseSession session;
  InstanceView instance;
  std::map<NodeName, PeerView> peers;
  std::optional<DivergenceSeen> divergence;
  std::map<Lane, UnderWay> under_way;
  // Lanes that take no step before then, for what was tried last has failed; and those that have
  // started so many that some rule must be planning what was just done (agent/lane_pace.h).
  std::map<Lane, Instant> resting;
  std::set<Lane> run_away;
  std::optional<ActEnded> last_act;
  std::optional<RestartRequest> restart_request;
  std::optional<ScheduledRestart> scheduled_restart;
  std::optional<ReinitializeRequest> reinitialize_request;
  // As a leader: the last round, and the sending of the last one that all accepted.
  std::optional<FailsafeRound> failsafe_round;
  std::optional<Instant> failsafe_confirmed_at;
  std::optional<FailsafePromise> failsafe_promise;
  WatchdogView watchdog;
  std::string applied_configuration;  // generation that PostgreSQL's files and process have
  bool is_leaving = false;            // SIGTERM: stop PostgreSQL, release the key, exit
  WallTime wall_now;                  // for scheduled requests only

  // A lane that rests takes nothing either. That of the acts on PostgreSQL is never resting for
  // those that close it.
  [[nodiscard]] bool is_under_way(Lane lane) const {
    return under_way.contains(lane) || (lane != Lane::Instance && resting.contains(lane));
  }
  template <typename S>
  [[nodiscard]] const S* under_way_as(Lane lane) const {
    const auto found = under_way.find(lane);
    return found == under_way.end() ? nullptr : std::get_if<S>(&found->second.step);
  }
};

}  // namespace pgherd
