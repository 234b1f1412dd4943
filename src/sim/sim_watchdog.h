// SimWatchdog: a machine's watchdog: it resets the machine when nobody feeds it in time, whatever
// has become of the agent. It belongs to the machine; the doors of all lives lead to it. A machine
// may have none, and there is a kind that stays armed once it is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "sim/local_time.h"
#include "sim/mailbox.h"
#include "sim/sim_context.h"
#include "watchdog/watchdog.h"

namespace pgherd::sim {

class SimWatchdog {
 public:
  SimWatchdog(SimContext& sim, const LocalTime& time, std::function<void()> reset)
      : sim_(sim), time_(time), reset_(std::move(reset)) {}

  void arm(Milliseconds timeout) {
    timeout_ = timeout;
    feed();
  }
  void feed() {
    sim_.queue.cancel(order_);
    const Instant local = time_.local(sim_.queue.now());
    order_ = sim_.queue.at(time_.true_time(local + timeout_), [this] {
      is_armed_ = false;
      reset_();
    });
    is_armed_ = true;
  }
  void disarm() {
    sim_.queue.cancel(order_);
    is_armed_ = false;
  }
  // From now on it cannot be opened any more; what is armed stays so.
  void break_device() { is_broken_ = true; }
  void take_away() { is_absent_ = true; }
  void keep_armed() { stays_armed_ = true; }
  void refuse() { refused_at_ = sim_.queue.now(); }
  [[nodiscard]] Instant refused_at() const { return refused_at_; }
  // Why it cannot be opened; "" when it can.
  [[nodiscard]] std::string problem() const {
    if (is_absent_) return "there is no such device";
    return is_broken_ ? "the device is busy" : "";
  }
  [[nodiscard]] bool stays_armed() const { return stays_armed_; }
  [[nodiscard]] WatchdogView view() const {
    WatchdogView seen;
    seen.is_active = is_armed_;
    seen.timeout = timeout_;
    return seen;
  }

 private:
  SimContext& sim_;
  const LocalTime& time_;
  std::function<void()> reset_;
  EventQueue::Ticket order_;
  Instant refused_at_ = Instant::never();  // the last time that somebody could not open it
  bool is_armed_ = false;
  bool is_broken_ = false;
  bool is_absent_ = false;
  bool stays_armed_ = false;
  Milliseconds timeout_{};
};

// The door of one life of the agent; it answers at once, as the real one does on its loop.
class WatchdogDoor final : public Watchdog {
 public:
  WatchdogDoor(SimWatchdog& device, SimContext& sim, std::shared_ptr<Mailbox> mailbox)
      : device_(device), sim_(sim), mailbox_(std::move(mailbox)) {}

  void activate(Milliseconds timeout, Answer done) override {
    std::string problem = device_.problem();
    if (problem.empty() && sim_.draw_failure()) problem = "the device is busy";
    if (!problem.empty()) {
      device_.refuse();
      WatchdogView unfit;
      unfit.problem = std::move(problem);
      return answer(std::move(done), unfit);
    }
    device_.arm(timeout);
    has_opened_ = true;
    answer(std::move(done), device_.view());
  }
  void feed(Answer done) override {
    if (has_opened_) device_.feed();
    answer(std::move(done), device_.view());
  }
  void disarm(Answer done) override {
    if (!device_.stays_armed() || !device_.view().is_active) {
      device_.disarm();
      return answer(std::move(done), device_.view());
    }
    device_.feed();
    WatchdogView still_armed = device_.view();
    still_armed.problem = "the device cannot be disarmed";
    answer(std::move(done), still_armed);
  }

 private:
  void answer(Answer done, const WatchdogView& view) {
    sim_.queue.in(Duration(1), [mailbox = mailbox_, done = std::move(done), view] {
      mailbox->deliver([done, view] { done(view); });
    });
  }

  SimWatchdog& device_;
  SimContext& sim_;
  std::shared_ptr<Mailbox> mailbox_;
  bool has_opened_ = false;
};

}  // namespace pgherd::sim
