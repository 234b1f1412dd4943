#include "routing/planner.h"

#include <algorithm>
#include <utility>

namespace pgherd {
namespace {

std::string state_text(const Server& server) {
  return server.state ? std::string(to_string(*server.state)) : "in an unknown state";
}

// What the leader still lacks before it can take writes; "": nothing.
std::string what_leader_lacks(const Server& leader, Timeline newest) {
  if (leader.address.host.empty()) {
    return leader.name + " leads and has not published where its PostgreSQL is";
  }
  if (leader.role == MemberRole::Primary || leader.role == MemberRole::StandbyLeader) {
    if (leader.timeline.is_known() && newest.is_known() && leader.timeline < newest) {
      return leader.name + " leads, and its PostgreSQL is on timeline " +
             std::to_string(leader.timeline.value) + ", older than the cluster's " +
             std::to_string(newest.value);
    }
    return "";
  }
  if (leader.state == MemberState::Running) {
    return leader.name + " has been elected and is being promoted";
  }
  return leader.name + " leads, and its PostgreSQL is " + state_text(leader);
}

Lsn position_of(const Member& member) {
  if (member.replay_lsn) return *member.replay_lsn;
  return member.xlog_location.value_or(Lsn{});
}

}  // namespace

Server Planner::server_of(const Member& member) const {
  Server server;
  server.name = member.name;
  if (const auto address = parse_conn_url(member.conn_url)) server.address = *address;
  server.role = member.role;
  server.state = member.state;
  server.timeline = member.timeline.value_or(Timeline{});
  return server;
}

bool Planner::is_too_far_behind(const Server& server) const {
  // Back to half of the limit before it is trusted again.
  const unsigned divisor = too_far_behind_.contains(server.name) ? 2 : 1;
  return (settings_.lag_bytes_max && server.lag_bytes > *settings_.lag_bytes_max / divisor) ||
         (settings_.lag_time_max && server.lag_time > *settings_.lag_time_max / divisor);
}

void Planner::judge_reads(Server& server, const Member& member, const Routes& routes, Instant now) {
  if (server.name == routes.leader) {
    server.why_no_reads = "it leads";
    return;
  }
  const Lsn position = position_of(member);
  if (position.is_known()) {
    server.lag_bytes = lag_bytes(lag_.newest(), position);
    server.lag_time = lag_.behind(position, now);
  }
  if (is_too_far_behind(server)) {
    too_far_behind_.insert(server.name);
  } else {
    too_far_behind_.erase(server.name);
  }
  if (server.address.host.empty()) {
    server.why_no_reads = "it has not published where its PostgreSQL is";
  } else if (server.state != MemberState::Running) {
    server.why_no_reads = "its PostgreSQL is " + state_text(server);
  } else if (server.role != MemberRole::Replica) {
    server.why_no_reads = "it is no standby";
  } else if (member.tags.noloadbalance) {
    server.why_no_reads = "it has the tag noloadbalance";
  } else if (too_far_behind_.contains(server.name)) {
    server.why_no_reads = "it is too far behind: " + std::to_string(server.lag_bytes) + " bytes, " +
                          std::to_string(server.lag_time.count()) + " ms";
  } else {
    server.takes_reads = true;
  }
}

void Planner::find_primary(const ClusterView& view, Routes& routes) {
  if (routes.leader.empty()) {
    known_primary_.reset();
    routes.why_no_primary = "nobody leads the cluster at present";
    return;
  }
  const auto place = std::find_if(routes.servers.begin(), routes.servers.end(),
                                  [&](const Server& one) { return one.name == routes.leader; });
  if (place == routes.servers.end()) {
    // Its member key is being written anew, by an agent that has just been started, say.
    if (known_primary_ && known_primary_->server.name == routes.leader &&
        known_primary_->reign == routes.reign) {
      routes.primary_is_in_recovery = known_primary_->is_in_recovery;
      routes.primary = routes.servers.size();
      routes.servers.push_back(known_primary_->server);
      return;
    }
    routes.why_no_primary = routes.leader + " leads and has not said where its PostgreSQL is";
    return;
  }
  routes.why_no_primary = what_leader_lacks(*place, view.newest_timeline());
  if (!routes.why_no_primary.empty()) return;
  routes.primary = static_cast<std::size_t>(place - routes.servers.begin());
  routes.primary_is_in_recovery = place->role == MemberRole::StandbyLeader;
  known_primary_ = KnownPrimary{
      .server = *place, .reign = routes.reign, .is_in_recovery = routes.primary_is_in_recovery};
}

// The request stays in the store until the new leader, or the present one that refuses it, has
// taken it out.
void Planner::look_for_announcement(const ClusterView& view, Routes& routes, Instant now,
                                    WallTime wall_now) {
  if (view.stopping && view.stopping->leader == routes.leader) {
    return announce(view.stopping->mod_revision, routes, now);
  }
  const auto& request = view.failover;
  const bool is_due = request && !request->schedule_is_unreadable &&
                      (!request->scheduled_at || *request->scheduled_at <= wall_now);
  const bool is_of_another = is_due && request->leader && *request->leader != routes.leader;
  if (!is_due || is_of_another || routes.leader.empty()) {
    announcement_.reset();
    return;
  }
  announce(request->mod_revision, routes, now);
}

void Planner::announce(Revision revision, Routes& routes, Instant now) {
  if (!announcement_ || announcement_->revision != revision) {
    announcement_ = Announcement{.revision = revision, .since = now};
  }
  if (now - announcement_->since <= kAnnouncedMax) routes.announced_change = revision;
}

Routes Planner::plan(const ClusterView& view, Instant now, WallTime wall_now) {
  Routes routes;
  routes.is_known = true;
  if (view.has_leader()) {
    routes.leader = view.leader->name;
    routes.reign = view.leader->create_revision;
  }
  const Member* leader = view.leader_member();
  const Lsn published = leader != nullptr ? leader->xlog_location.value_or(Lsn{}) : Lsn{};
  lag_.primary_is_at(std::max(view.status.optime, published), now);
  for (const auto& [name, member] : view.members) {
    routes.servers.push_back(server_of(member));
    judge_reads(routes.servers.back(), member, routes, now);
  }
  find_primary(view, routes);
  look_for_announcement(view, routes, now, wall_now);
  return routes;
}

}  // namespace pgherd
