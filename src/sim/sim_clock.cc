#include "sim/sim_clock.h"

#include <utility>

namespace pgherd::sim {
namespace {

class SimAlarm final : public Alarm {
 public:
  SimAlarm(EventQueue& queue, Instant when, std::shared_ptr<Mailbox> mailbox,
           std::function<void()> then)
      : queue_(queue), then_(std::make_shared<std::function<void()>>(std::move(then))) {
    ticket_ = queue_.at(when, [mailbox = std::move(mailbox), then = then_] {
      mailbox->deliver([then] {
        // Taken out first: what is called may put this alarm away.
        if (const auto call = std::exchange(*then, nullptr)) call();
      });
    });
  }
  ~SimAlarm() override {
    *then_ = nullptr;
    queue_.cancel(ticket_);
  }
  SimAlarm(const SimAlarm&) = delete;
  SimAlarm& operator=(const SimAlarm&) = delete;

 private:
  EventQueue& queue_;
  std::shared_ptr<std::function<void()>> then_;
  EventQueue::Ticket ticket_;
};

// An ordinary day; only schedules look at it.
constexpr std::int64_t kWallEpoch = 1'780'000'000'000'000;

}  // namespace

WallTime SimClock::wall_now() const {
  return WallTime{kWallEpoch + (queue_.now() + wall_offset_).nanoseconds() / 1000};
}

std::unique_ptr<Alarm> SimClock::at(Instant when, std::function<void()> then) {
  return std::make_unique<SimAlarm>(queue_, time_.true_time(when), mailbox_,
                                    [heard = on_alarm_, then = std::move(then)] {
                                      heard();
                                      then();
                                    });
}

}  // namespace pgherd::sim
