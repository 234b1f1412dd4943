#include "ctl/context.h"

#include <fmt/format.h>

#include "ctl/errors.h"

namespace pgherd::ctl {

std::string cluster_name(const CtlContext& context, const std::optional<std::string>& given) {
  const std::string name = given.value_or(context.scope);
  if (name.empty()) {
    throw CtlError(
        "cluster name required: give it as an argument, or set `scope` in the "
        "configuration");
  }
  return name;
}

Cluster read_cluster(CtlContext& context, const std::string& name) {
  Cluster cluster{
      .name = name, .layout = Layout(context.name_space, name, ""), .entries = {}, .view = {}};
  Snapshot snapshot = context.store.read(cluster.layout.prefix());
  for (KeyValue& entry : snapshot.entries) {
    std::string key = entry.key;
    cluster.entries.emplace(std::move(key), std::move(entry));
  }
  context.console.log(LogLevel::Debug, context.store.wall_now(),
                      fmt::format("read {} keys below {} at revision {}", cluster.entries.size(),
                                  cluster.layout.prefix(), snapshot.revision.value));
  cluster.view = cluster.layout.view(cluster.entries, snapshot.revision);
  return cluster;
}

Named read_named(CtlContext& context, const std::optional<std::string>& first,
                 std::vector<std::string> members) {
  if (!first && context.scope.empty()) {
    throw UsageError(
        "Error: Missing argument 'CLUSTER_NAME' (and the configuration has no `scope`).");
  }
  Cluster named = read_cluster(context, first.value_or(context.scope));
  const bool may_be_member = first && !context.scope.empty() && *first != context.scope;
  if (may_be_member && named.entries.empty()) {
    Cluster configured = read_cluster(context, context.scope);
    if (configured.view.member(*first) != nullptr) {
      members.insert(members.begin(), *first);
      return {std::move(configured), std::move(members)};
    }
  }
  return {std::move(named), std::move(members)};
}

void print_cluster(CtlContext& context, const Cluster& cluster, const MemberTableOptions& options) {
  MemberTableOptions styled = options;
  if (!styled.style) styled.style = context.table;
  context.console.print(cluster_text(cluster.name, cluster.view, styled));
}

void print_topology(CtlContext& context, const Cluster& cluster) {
  context.console.say("Current cluster topology");
  print_cluster(context, cluster);
}

Settings settings_of(const ClusterView& view) {
  return view.config ? view.config->settings : Settings{};
}

bool is_paused(const ClusterView& view) {
  return settings_of(view).paused;
}

}  // namespace pgherd::ctl
