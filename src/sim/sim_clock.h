// SimClock: the agent's clock: its machine's drifting one, through its mailbox.
#pragma once

#include <memory>

#include "base/clock.h"
#include "sim/event_queue.h"
#include "sim/local_time.h"
#include "sim/mailbox.h"

namespace pgherd::sim {

class SimClock final : public Clock {
 public:
  SimClock(EventQueue& queue, const LocalTime& time, const Duration& wall_offset,
           std::shared_ptr<Mailbox> mailbox)
      : queue_(queue), time_(time), wall_offset_(wall_offset), mailbox_(std::move(mailbox)) {}

  [[nodiscard]] Instant now() const override { return time_.local(queue_.now()); }
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] std::unique_ptr<Alarm> at(Instant when, std::function<void()> then) override;

 private:
  EventQueue& queue_;
  const LocalTime& time_;
  const Duration& wall_offset_;  // of the machine; somebody may set its clock
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace pgherd::sim
