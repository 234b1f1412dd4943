// ClusterView: everything the store says about one cluster, at one revision, as values. Made from
// raw keys by dcs/layout; read by every rule. Absent or unreadable keys are absent here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/shared.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/member.h"
#include "model/settings.h"

namespace pgherd {

// `/initialize`: "" while somebody bootstraps, then the system identifier.
struct InitializeKey {
  std::string value;
  Revision mod_revision;
  LeaseId lease;  // of the bootstrapper while in progress: the claim ends with its agent
  [[nodiscard]] bool is_in_progress() const { return value.empty(); }
  // Valid = all digits and at least ten of them.
  [[nodiscard]] bool is_valid() const;
  friend bool operator==(const InitializeKey&, const InitializeKey&) = default;
};

// `/config`: the JSON text as stored and the settings read from it.
struct ConfigKey {
  std::string json;
  Settings settings;
  Revision mod_revision;
  friend bool operator==(const ConfigKey&, const ConfigKey&) = default;
};

struct LeaderKey {
  NodeName name;
  LeaseId lease;
  Revision create_revision;  // one reign = one create revision: usable as a fencing token
  Revision mod_revision;
  friend bool operator==(const LeaderKey&, const LeaderKey&) = default;
};

struct StatusKey {
  Lsn optime;
  SharedMap<std::map<std::string, Lsn>> slots;
  std::vector<std::string> retain_slots;
  friend bool operator==(const StatusKey&, const StatusKey&) = default;
};

// `/failover`: with `leader` a switchover, without it a manual failover. Never both empty here.
struct FailoverRequest {
  std::optional<NodeName> leader;
  std::optional<NodeName> candidate;
  std::optional<WallTime> scheduled_at;
  // How far east of UTC the clock was by which it was said; for people alone.
  std::chrono::minutes scheduled_east{0};
  bool schedule_is_unreadable = false;  // has a scheduled_at that is no time with a zone
  Revision mod_revision;
  friend bool operator==(const FailoverRequest&, const FailoverRequest&) = default;
};

// `/sync`. An empty leader means "synchronous replication is not active".
struct SyncKey {
  NodeName leader;
  int quorum = 0;
  std::vector<NodeName> standbys;
  Revision mod_revision;
  friend bool operator==(const SyncKey&, const SyncKey&) = default;
};

struct HistoryRow {
  Timeline parent;
  Lsn switched_at;
  std::string reason;
  std::string timestamp;  // ISO 8601, "" when unknown
  NodeName new_leader;    // "" when unknown
  friend bool operator==(const HistoryRow&, const HistoryRow&) = default;
};

// `/timeline`: the highest number that a promotion was going to give its timeline, and whose. Ours;
// Patroni knows nothing of it. Written before the promotion, so that no number is given twice,
// however early the promoted one dies.
struct TimelineClaim {
  Timeline timeline;
  NodeName by;
  Revision mod_revision;
  friend bool operator==(const TimelineClaim&, const TimelineClaim&) = default;
};

// `/stopping`: the leader's PostgreSQL is about to stop, by an operator's word, and routers may let
// their sessions come to rest. Ours; Patroni knows nothing of it.
struct StopAnnouncement {
  NodeName leader;
  Revision mod_revision;
  friend bool operator==(const StopAnnouncement&, const StopAnnouncement&) = default;
};

struct ClusterView {
  Revision revision;
  std::optional<InitializeKey> initialize;
  // The last that could be read.
  Shared<ConfigKey> config;
  // Of `/config` as it is stored, readable or not; zero: absent.
  Revision config_revision{};
  std::optional<LeaderKey> leader;
  StatusKey status;
  SharedMap<std::map<NodeName, Member>> members;
  std::optional<FailoverRequest> failover;
  std::optional<SyncKey> sync;
  std::optional<std::vector<HistoryRow>> history;
  std::map<NodeName, std::string> failsafe;
  std::optional<TimelineClaim> claim;
  std::optional<StopAnnouncement> stopping;
  // `/routers/<name>`: routers whose sessions follow a change of the leader, and the request to
  // change it, or the announcement (its mod_revision), for which they are at rest. Ours as well.
  std::map<std::string, Revision> routers;

  [[nodiscard]] bool has_leader() const { return leader && !leader->name.empty(); }
  [[nodiscard]] bool is_led_by(const NodeName& name) const {
    return has_leader() && leader->name == name;
  }
  [[nodiscard]] const Member* member(const NodeName& name) const;
  // The leader's member key, or nullptr when there is no leader or it has none.
  [[nodiscard]] const Member* leader_member() const;
  // The newest timeline that `/history` knows of: last parent + 1; 1 for `[]`; unknown when absent.
  [[nodiscard]] Timeline newest_timeline() const;

  friend bool operator==(const ClusterView&, const ClusterView&) = default;
};

}  // namespace pgherd
