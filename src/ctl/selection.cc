#include "ctl/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

constexpr std::array<std::pair<std::string_view, RoleFilter>, 6> kRoles = {{
    {"leader", RoleFilter::Leader},
    {"primary", RoleFilter::Primary},
    {"standby-leader", RoleFilter::StandbyLeader},
    {"replica", RoleFilter::Replica},
    {"standby", RoleFilter::Standby},
    {"any", RoleFilter::Any},
}};

bool has_role(const ClusterView& view, const Member& member, RoleFilter role) {
  const bool leads = view.is_led_by(member.name);
  switch (role) {
    case RoleFilter::Leader:
      return leads;
    case RoleFilter::Primary:
      return leads && member.role != MemberRole::StandbyLeader;
    case RoleFilter::StandbyLeader:
      return leads && member.role != MemberRole::Primary;
    case RoleFilter::Replica:
    case RoleFilter::Standby:
      return !leads;
    case RoleFilter::Any:
      return true;
  }
  return false;
}

}  // namespace

std::optional<RoleFilter> parse_role_filter(std::string_view text) {
  for (const auto& [name, role] : kRoles) {
    if (name == text) return role;
  }
  return std::nullopt;
}

std::string_view to_string(RoleFilter role) {
  for (const auto& [name, known] : kRoles) {
    if (known == role) return name;
  }
  return "any";
}

std::vector<Member> members_of_role(const ClusterView& view, RoleFilter role) {
  std::vector<Member> found;
  for (const auto& [name, member] : view.members) {
    if (has_role(view, member, role)) found.push_back(member);
  }
  return found;
}

std::vector<Member> select_members(CtlContext& context, const Cluster& cluster, RoleFilter role,
                                   const std::vector<std::string>& names) {
  std::vector<Member> candidates = members_of_role(cluster.view, role);
  if (candidates.empty() && names.empty()) {
    throw CtlError(fmt::format("{} cluster doesn't have any members", cluster.name));
  }
  print_cluster(context, cluster);
  if (names.empty()) return candidates;
  for (const std::string& name : names) {
    if (cluster.view.member(name) == nullptr) {
      throw CtlError(fmt::format("{} is not a member of cluster {}", name, cluster.name));
    }
  }
  std::erase_if(candidates, [&](const Member& member) {
    return std::find(names.begin(), names.end(), member.name) == names.end();
  });
  if (candidates.empty()) {
    throw CtlError(fmt::format("No {} among provided members", to_string(role)));
  }
  return candidates;
}

std::string joined_names(const std::vector<Member>& members) {
  std::string text;
  for (const Member& member : members) {
    text.append(text.empty() ? "" : ", ").append(member.name);
  }
  return text;
}

void confirm_action(CtlContext& context, std::string_view action,
                    const std::vector<Member>& members, bool force) {
  if (force) return;
  if (!context.console.confirm(
          fmt::format("Are you sure you want to {} members {}?", action, joined_names(members)))) {
    throw CtlError(fmt::format("Aborted {}", action));
  }
}

}  // namespace pgherd::ctl
