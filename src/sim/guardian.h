// Guardian: the small process beside the agent, and the agent's door to it. It keeps the last
// order, also when the agent is frozen or dead, and only a power loss ends it.
#pragma once

#include "postgres/fence.h"
#include "sim/ground.h"
#include "sim/local_time.h"
#include "sim/server.h"

namespace pgherd::sim {

class Guardian final : public Fence {
 public:
  Guardian(Ground& ground, const LocalTime& time, Server& server)
      : ground_(ground), time_(time), server_(server) {}

  void arm(Instant at, std::int64_t postmaster_pid) override;
  void disarm() override { ground_.queue.cancel(order_); }
  void lose_power() { disarm(); }
  [[nodiscard]] int kills() const { return kills_; }

 private:
  Ground& ground_;
  const LocalTime& time_;
  Server& server_;
  EventQueue::Ticket order_;
  int kills_ = 0;
};

}  // namespace pgherd::sim
