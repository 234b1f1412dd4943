// LocalTime: one machine's CLOCK_BOOTTIME, which runs faster or slower than true time by up to a
// few per cent and begins anew when the machine does.
#pragma once

#include <cstdint>

#include "base/instant.h"

namespace pgherd::sim {

class LocalTime {
 public:
  // Since `booted` (true time) the clock gains `drift_ppm` microseconds for each second.
  LocalTime(Instant booted, std::int64_t drift_ppm) : booted_(booted), drift_ppm_(drift_ppm) {}

  [[nodiscard]] Instant local(Instant true_time) const {
    const auto passed = (true_time - booted_).count();
    return Instant::from_nanoseconds(kUptimeAtBoot +
                                     scale(passed, 1'000'000 + drift_ppm_, 1'000'000));
  }
  // The first true instant at which the clock shows `local_time` or more.
  [[nodiscard]] Instant true_time(Instant local_time) const {
    if (local_time.is_never()) return local_time;
    const auto passed = local_time.nanoseconds() - kUptimeAtBoot;
    const auto guess = booted_ + Duration(scale(passed, 1'000'000, 1'000'000 + drift_ppm_));
    return local(guess) < local_time ? guess + Duration(2) : guess;
  }

 private:
  // An instant of zero means "never happened" in many places; no machine boots in zero time.
  static constexpr std::int64_t kUptimeAtBoot = 1'000'000'000;

  // Without overflow for hours of nanoseconds.
  static std::int64_t scale(std::int64_t value, std::int64_t by, std::int64_t through) {
    return value / through * by + value % through * by / through;
  }

  Instant booted_;
  std::int64_t drift_ppm_;
};

}  // namespace pgherd::sim
