#include "ctl/desk.h"

#include "ctl/errors.h"

namespace pgherd::ctl {

std::string cluster_name(const Desk& desk, const std::optional<std::string>& given) {
  const std::string name = given.value_or(desk.scope);
  if (name.empty()) {
    throw CtlError(
        "cluster name required: give it as an argument, or set `scope` in the "
        "configuration");
  }
  return name;
}

Cluster read_cluster(Desk& desk, const std::string& name) {
  Cluster cluster{
      .name = name, .layout = Layout(desk.name_space, name, ""), .entries = {}, .view = {}};
  Snapshot snapshot = desk.store.read(cluster.layout.prefix());
  for (KeyValue& entry : snapshot.entries) {
    std::string key = entry.key;
    cluster.entries.emplace(std::move(key), std::move(entry));
  }
  cluster.view = cluster.layout.view(cluster.entries, snapshot.revision);
  return cluster;
}

void print_cluster(Desk& desk, const Cluster& cluster, const MemberTableOptions& options) {
  desk.console.print(cluster_text(cluster.name, cluster.view, options));
}

void print_topology(Desk& desk, const Cluster& cluster) {
  desk.console.say("Current cluster topology");
  print_cluster(desk, cluster);
}

Settings settings_of(const ClusterView& view) {
  return view.config ? view.config->settings : Settings{};
}

bool is_paused(const ClusterView& view) {
  return settings_of(view).paused;
}

}  // namespace pgherd::ctl
