// NodeStatus: all that the HTTP API says about this node, as one value taken at one moment. The
// daemon fills it from the agent's picture; nothing here is asked of PostgreSQL or the store on the
// way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/instant.h"
#include "model/cluster_view.h"
#include "model/identity.h"
#include "model/instance_view.h"
#include "model/member.h"
#include "model/settings.h"

namespace pgherd {

struct NodeStatus {
  std::string scope;
  Identity self;      // name, tags, version
  Settings settings;  // as last known, also while the store is silent: `paused` is read from here

  InstanceView instance;
  MemberState state = MemberState::Stopped;     // the published state
  MemberRole role = MemberRole::Uninitialized;  // the role the agent believes in
  // The picture of the store, absent when it is older than `ttl`.
  Shared<ClusterView> cluster;
  // `/failsafe` as it was last read, however old that is: without the store it is what counts.
  std::optional<std::map<NodeName, std::string>> failsafe_members;
  bool leads = false;              // `/leader` is mine by a confirmation that has not run out
  std::int64_t dcs_last_seen = 0;  // seconds since 1970 of the last successful read, 0: never

  bool is_failsafe_active = false;
  bool watchdog_failed = false;
  int failed_promotions = 0;
  std::string scheduled_restart;  // JSON object, "": none
  std::string long_task;  // what occupies the instance ("restart", "bootstrap"), "": nothing

  Instant now;
  Instant next_run;  // when the agent means to think next
  WallTime wall_now;

  std::size_t log_lines_waiting = 0;
  std::size_t log_lines_lost = 0;

  std::string more_metrics;  // finished lines of the daemon for /metrics, each ended by a newline

  [[nodiscard]] bool is_standby_cluster() const { return settings.standby_cluster.has_value(); }
};

}  // namespace pgherd
