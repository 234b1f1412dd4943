// Which members a command is about (Patroni ctl.py get_members).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/context.h"

namespace pgherd::ctl {

enum class RoleFilter { Leader, Primary, StandbyLeader, Replica, Standby, Any };
[[nodiscard]] std::optional<RoleFilter> parse_role_filter(std::string_view text);
[[nodiscard]] std::string_view to_string(RoleFilter role);

// By name, in order.
[[nodiscard]] std::vector<Member> members_of_role(const ClusterView& view, RoleFilter role);

// Prints the table and gives the members that were named, or all of the role. CtlError when a name
// is no member's, or none of the named has the role.
[[nodiscard]] std::vector<Member> select_members(CtlContext& context, const Cluster& cluster,
                                                 RoleFilter role,
                                                 const std::vector<std::string>& names);

// "Are you sure you want to <action> members a, b?" unless forced; CtlError "Aborted <action>" on
// No.
void confirm_action(CtlContext& context, std::string_view action,
                    const std::vector<Member>& members, bool force);

[[nodiscard]] std::string joined_names(const std::vector<Member>& members);

}  // namespace pgherd::ctl
