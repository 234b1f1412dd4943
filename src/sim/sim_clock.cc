#include "sim/sim_clock.h"

#include <utility>

namespace pgherd::sim {
namespace {

class SimAlarm final : public Alarm {
 public:
  explicit SimAlarm(EventQueue& queue) : queue_(queue) {}
  ~SimAlarm() override {
    *is_cancelled_ = true;
    queue_.cancel(ticket_);
  }
  SimAlarm(const SimAlarm&) = delete;
  SimAlarm& operator=(const SimAlarm&) = delete;

  void set(Instant when, std::shared_ptr<Mailbox> mailbox, std::function<void()> then) {
    ticket_ = queue_.at(
        when, [mailbox = std::move(mailbox), then = std::move(then), is_cancelled = is_cancelled_] {
          mailbox->deliver([then, is_cancelled] {
            if (!*is_cancelled) then();
          });
        });
  }

 private:
  EventQueue& queue_;
  EventQueue::Ticket ticket_;
  std::shared_ptr<bool> is_cancelled_ = std::make_shared<bool>(false);
};

// An ordinary day; only schedules look at it.
constexpr std::int64_t kWallEpoch = 1'780'000'000'000'000;

}  // namespace

WallTime SimClock::wall_now() const {
  return WallTime{kWallEpoch + queue_.now().nanoseconds() / 1000};
}

std::unique_ptr<Alarm> SimClock::at(Instant when, std::function<void()> then) {
  auto alarm = std::make_unique<SimAlarm>(queue_);
  alarm->set(time_.true_time(when), mailbox_, std::move(then));
  return alarm;
}

}  // namespace pgherd::sim
