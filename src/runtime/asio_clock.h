// AsioClock: real time for a Boost.Asio loop. Counts while the machine is suspended
// (CLOCK_BOOTTIME): a lease that ran out during a suspend is over at the first look after it.
//
// Threads: `at`, destroying an Alarm, and the calls themselves happen on the loop's thread; `now`
// and `wall_now` anywhere. Alarms may outlive the clock; they then never call.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace pgherd {

// The present moment, for those who have no Clock at hand (guardian, log).
[[nodiscard]] Instant boottime_now();
[[nodiscard]] WallTime wall_time_now();

class AsioClock final : public Clock {
 public:
  // Throws std::system_error if the kernel gives no timer.
  explicit AsioClock(const boost::asio::any_io_executor& loop);
  ~AsioClock() override;
  AsioClock(const AsioClock&) = delete;
  AsioClock& operator=(const AsioClock&) = delete;

  [[nodiscard]] Instant now() const override { return boottime_now(); }
  [[nodiscard]] WallTime wall_now() const override { return wall_time_now(); }
  // Never calls from inside `at`, also when `when` is past. Equal instants are called in the order
  // they were asked for. never() is never called.
  [[nodiscard]] std::unique_ptr<Alarm> at(Instant when, std::function<void()> then) override;

 private:
  class Timer;
  class Call;
  std::shared_ptr<Timer> timer_;
};

}  // namespace pgherd
