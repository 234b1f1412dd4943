// The member table: what `list`, `topology` and every command that shows the cluster print (as
// patronictl list). Pure: a ClusterView in, a Table out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/table.h"
#include "model/cluster_view.h"

namespace pgherd::ctl {

enum class MemberLayout { List, Topology };

// How positions are shown: as Patroni 4.0 and older, one column "Lag in MB"; or as 4.1 and newer,
// received and replayed positions with a lag each.
enum class TableStyle { Classic, Wide };

struct MemberTableOptions {
  Format format = Format::Pretty;
  MemberLayout layout = MemberLayout::List;
  bool is_extended = false;  // the columns that are otherwise shown only where they say something
  std::optional<TableStyle> style = {};  // Wide, where nobody says otherwise
};

[[nodiscard]] Table member_table(const std::string& cluster_name, const ClusterView& view,
                                 const MemberTableOptions& options);

// The lines below the table: maintenance mode, a scheduled switchover. "" when there is nothing to
// say.
[[nodiscard]] std::string cluster_footer(const ClusterView& view);

// What both together look like on paper: table, and in `pretty` the footer.
[[nodiscard]] std::string cluster_text(const std::string& cluster_name, const ClusterView& view,
                                       const MemberTableOptions& options);

// Bytes in whole MB, a half going to the even side: 0.5 MB is 0, 1.5 MB is 2.
[[nodiscard]] std::uint64_t lag_megabytes(std::uint64_t bytes);

// "leader", "standby_leader", "sync_standby", "quorum_standby" or "replica", as GET /cluster says
// it.
[[nodiscard]] std::string cluster_role(const ClusterView& view, const Member& member);
[[nodiscard]] bool is_standby_cluster(const ClusterView& view);

// Names in the order of the tree, leader first, each with its depth (patronictl topology).
struct TreeRow {
  NodeName name;
  std::string prefix;  // "", "+ ", "  + ", ...
  bool operator==(const TreeRow&) const = default;
};
[[nodiscard]] std::vector<TreeRow> topology_order(const ClusterView& view);

}  // namespace pgherd::ctl
