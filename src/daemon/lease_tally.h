// LeaseTally: how the renewals of this node's lease have gone since the agent began, for /metrics.
// An etcd that becomes slow, and an agent that is held up, show here long before a lease is lost.
#pragma once

#include <cstdint>
#include <string>

#include "base/instant.h"
#include "model/settings.h"
#include "node/node.h"

namespace pgherd {

class LeaseTally {
 public:
  void note(const Renewal& renewal, const Settings& settings);
  // Finished lines. `ttl`: of the lease that is held, 0 when there is none.
  [[nodiscard]] std::string metrics(const std::string& labels, Milliseconds ttl) const;

 private:
  std::uint64_t confirmed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t late_ = 0;
  Duration waited_{};  // for the confirmed ones, from sending to answer
};

}  // namespace pgherd
