// What the router says of itself, in the forms in which it is asked for. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "model/router_config.h"
#include "router/tallies.h"

namespace pgherd::router {

// Something that changed the way of sessions.
struct RouterEvent {
  WallTime at;
  std::string text;
};

struct RouterStatus {
  std::string scope;
  bool serves_writes = true;  // the port is there
  bool serves_reads = true;
  std::size_t sessions_max = 0;
  Duration up_for{0};
  Duration store_seen_ago{0};
  bool store_is_silent = false;
  const Routes& routes;
  // In the order of routes.servers.
  std::vector<std::shared_ptr<const ServerTally>> tallies;
  const RouterTally& tally;
  std::vector<RouterEvent> events;  // latest first
};

[[nodiscard]] std::string status_json(const RouterStatus& status);
// The text form of Prometheus.
[[nodiscard]] std::string status_metrics(const RouterStatus& status);
// HAProxy's columns, for those who read them: proxies "primary" and "standbys", as in
// etc/haproxy.cfg.tmpl. What has no counterpart here stays empty.
[[nodiscard]] std::string status_csv(const RouterStatus& status);
// One page without anything from elsewhere; asks for itself again every two seconds.
[[nodiscard]] std::string status_page(const RouterStatus& status);

}  // namespace pgherd::router
