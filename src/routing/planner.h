// Planner: makes Routes of what the store says. Between pictures it remembers who was too far
// behind (so that a standby at the limit does not come and go) and where the primary was (so that
// its address outlives a member key that is written anew).
//
// Who takes writes: the holder of the leader key, once its member key says that its PostgreSQL is a
// primary on a timeline that is not older than the cluster's newest. Whoever else calls itself a
// primary is none (safety: two nodes may believe it, one key cannot).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "model/cluster_view.h"
#include "model/router_config.h"
#include "routing/lag_meter.h"
#include "routing/routes.h"

namespace pgherd {

class Planner {
 public:
  explicit Planner(RoutingSettings settings) : settings_(std::move(settings)) {}

  // A request that nobody has carried out or taken back by then holds up nobody any more.
  static constexpr Duration kAnnouncedMax = 10s;

  // The routes by this picture. To be called with the same one again when time has gone by: lag in
  // time grows without news. `wall_now`: a request to change the leader may be for later.
  [[nodiscard]] Routes plan(const ClusterView& view, Instant now, WallTime wall_now);

 private:
  [[nodiscard]] Server server_of(const Member& member) const;
  void judge_reads(Server& server, const Member& member, const Routes& routes, Instant now);
  void find_primary(const ClusterView& view, Routes& routes);
  void look_for_announcement(const ClusterView& view, Routes& routes, Instant now,
                             WallTime wall_now);
  void announce(Revision revision, Routes& routes, Instant now);
  [[nodiscard]] bool is_too_far_behind(const Server& server) const;

  struct KnownPrimary {
    Server server;
    Revision reign;
    bool is_in_recovery = false;
  };

  RoutingSettings settings_;
  LagMeter lag_;
  std::set<NodeName> too_far_behind_;
  std::optional<KnownPrimary> known_primary_;
  struct Announcement {
    Revision revision;  // of the request
    Instant since;
  };
  std::optional<Announcement> announcement_;
};

}  // namespace pgherd
