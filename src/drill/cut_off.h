// CutOff: the agent, the guardian and PostgreSQL of this host reach nobody but whoever is on this
// host, and neither etcd here nor elsewhere; nobody elsewhere reaches them. By a table of nftables,
// which lets go by itself after a time, whatever becomes of the drill.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/instant.h"

namespace pgherd::drill {

struct CutPlan {
  uid_t user = 0;                         // who runs them
  std::vector<std::string> etcd_ports;    // at which etcd listens, here as well
  std::vector<std::string> server_ports;  // at which they listen
  Seconds time{};
};
// The commands for `nft -f`. Pure.
[[nodiscard]] std::string rules_of(const CutPlan& plan);

class CutOff {
 public:
  // In force when this returns. DrillError with nft's words if not.
  explicit CutOff(const CutPlan& plan);
  // Removes the table, which lets everything through by then or now.
  ~CutOff();
  CutOff(const CutOff&) = delete;
  CutOff& operator=(const CutOff&) = delete;
};

// Refusal if it could not be made here: not root, or no nft.
void refuse_unless_it_can_cut();

}  // namespace pgherd::drill
