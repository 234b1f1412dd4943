// CtlContext: what every command works with, and the few things that most of them do.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/console.h"
#include "ctl/member_api.h"
#include "ctl/member_table.h"
#include "ctl/store.h"
#include "dcs/layout.h"
#include "model/cluster_view.h"

namespace pgherd::ctl {

struct CtlContext {
  Console& console;
  Store& store;
  MemberApi& api;
  std::string name_space = "service";
  std::string scope;  // of the configuration, "" when it names none
  TableStyle table = TableStyle::Wide;
};

// A cluster as it was read at one moment.
struct Cluster {
  std::string name;
  Layout layout;
  std::map<std::string, KeyValue> entries;
  ClusterView view;
};

// `given`, else the configuration's scope; CtlError when there is neither.
[[nodiscard]] std::string cluster_name(const CtlContext& context,
                                       const std::optional<std::string>& given);
[[nodiscard]] Cluster read_cluster(CtlContext& context, const std::string& name);

// The cluster and the members that a command names. Where `scope` is configured the cluster's name
// may be left out, so that `first` may be a member's: it is, when no cluster has that name and the
// configured one has such a member. UsageError when no cluster is named anywhere.
struct Named {
  Cluster cluster;
  std::vector<std::string> members;
};
[[nodiscard]] Named read_named(CtlContext& context, const std::optional<std::string>& first,
                               std::vector<std::string> members);

void print_cluster(CtlContext& context, const Cluster& cluster,
                   const MemberTableOptions& options = {});
// "Current cluster topology" and the table.
void print_topology(CtlContext& context, const Cluster& cluster);

[[nodiscard]] bool is_paused(const ClusterView& view);
// Settings of the cluster, or the defaults while it has none.
[[nodiscard]] Settings settings_of(const ClusterView& view);

}  // namespace pgherd::ctl
