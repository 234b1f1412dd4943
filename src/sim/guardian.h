// Guardian: the small process beside the agent, and the agent's door to it. It keeps the last
// order, also when the agent is frozen or dead, and only a power loss ends it.
#pragma once

#include <functional>
#include <optional>

#include "postgres/fence.h"
#include "sim/local_time.h"
#include "sim/server.h"
#include "sim/sim_context.h"

namespace pgherd::sim {

class Guardian final : public Fence {
 public:
  Guardian(SimContext& sim, const LocalTime& time, SimServer& server)
      : sim_(sim), time_(time), server_(server) {}

  void arm(Instant at, std::int64_t postmaster_pid) override;
  void arm_no_later(Instant at, std::int64_t postmaster_pid) override;
  void disarm() override {
    sim_.queue.cancel(order_);
    overdue_.reset();
    armed_for_ = Instant::never();
  }
  void lose_power() {
    disarm();
    is_suspended_ = false;
  }
  // With its machine; what was due meanwhile is the first thing that happens when it wakes up.
  void suspend() { is_suspended_ = true; }
  void resume();
  [[nodiscard]] int kills() const { return kills_; }
  // Told just before it kills, with the time at which it was ordered to; may be empty.
  std::function<void(const SimServer&, Instant)> on_fence;

 private:
  SimContext& sim_;
  const LocalTime& time_;
  SimServer& server_;
  void fence(std::int64_t postmaster_pid);

  Instant armed_at_;
  Instant armed_for_ = Instant::never();  // by the machine's clock
  bool is_suspended_ = false;
  std::optional<std::int64_t> overdue_;
  EventQueue::Ticket order_;
  int kills_ = 0;
};

}  // namespace pgherd::sim
