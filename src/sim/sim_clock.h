// SimClock: the agent's clock: its machine's drifting one, through its mailbox. `on_alarm` is
// called before each alarm that goes off.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "sim/event_queue.h"
#include "sim/local_time.h"
#include "sim/mailbox.h"

namespace pgherd::sim {

class SimClock final : public Clock {
 public:
  SimClock(EventQueue& queue, const LocalTime& time, const Duration& wall_offset,
           std::shared_ptr<Mailbox> mailbox, std::function<void()> on_alarm)
      : queue_(queue),
        time_(time),
        wall_offset_(wall_offset),
        mailbox_(std::move(mailbox)),
        on_alarm_(std::move(on_alarm)) {}

  [[nodiscard]] Instant now() const override { return time_.local(queue_.now()); }
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] std::unique_ptr<Alarm> at(Instant when, std::function<void()> then) override;

 private:
  EventQueue& queue_;
  const LocalTime& time_;
  const Duration& wall_offset_;  // of the machine; somebody may set its clock
  std::shared_ptr<Mailbox> mailbox_;
  std::function<void()> on_alarm_;
};

}  // namespace pgherd::sim
