// Clients: writers that go where they believe the leader is, as a router with a view a little old
// would send them, and that remember what they were told is committed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "sim/server.h"
#include "sim/sim_context.h"

namespace pgherd::sim {

class Clients {
 public:
  Clients(SimContext& sim, const Servers& servers) : sim_(sim), servers_(servers) {}

  void start(int writers);
  // `/leader` changed; the router hears of it after a while.
  void leader_is(const NodeName& name);

  struct Acknowledged {
    std::uint64_t id = 0;
    NodeName by;
    Instant at;
    bool is_synchronous = false;
  };
  // Of every write that a client was told is committed; may be empty.
  std::function<void(const Acknowledged&)> on_acknowledged;
  [[nodiscard]] const std::vector<Acknowledged>& acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }
  // From a write that was not acknowledged to the next that was, when that took longer than a
  // second.
  [[nodiscard]] const std::vector<Duration>& outages() const { return outages_; }

 private:
  void write_and_again();
  void acknowledge(const Commit& commit, const NodeName& by);

  SimContext& sim_;
  const Servers& servers_;
  NodeName believed_;
  std::vector<Acknowledged> acknowledged_;
  std::vector<Duration> outages_;
  std::uint64_t attempts_ = 0;
  std::optional<Instant> waiting_since_;  // the first attempt since the last acknowledgement
};

}  // namespace pgherd::sim
