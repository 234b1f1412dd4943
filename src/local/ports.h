// Which port is whose, and whether it is free.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pgherd::local {

inline constexpr int kEtcdMembers = 3;
inline constexpr int kNodesMax = 20;  // the mapping of --port-base leaves room for so many

struct PortPlan {
  int primary = 0;
  int standbys = 0;
  int statistics = 0;
  int etcd = 0;
  std::vector<int> etcd_client;
  std::vector<int> etcd_peer;
  std::vector<int> rest;
  std::vector<int> postgresql;
};

// The mapping is in README.md. base 0: free ports of the system, all different. Throws LocalError.
[[nodiscard]] PortPlan plan_ports(std::optional<int> base, int nodes);

struct PortUse {
  int port = 0;
  std::string what_for;
};
// Empty if all can be listened on; else a text naming each port, what it is for and who has it.
[[nodiscard]] std::string describe_taken(const std::vector<PortUse>& wanted);

}  // namespace pgherd::local
