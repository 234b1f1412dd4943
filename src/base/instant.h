// Instant: a point on a clock that never jumps and that counts while the machine sleeps
// (CLOCK_BOOTTIME in production, invented time in the simulator). It orders and measures; it is
// never shown to people and never compared between machines. Wall time is a different type.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace pgherd {

using Duration = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using namespace std::chrono_literals;

class Instant {
 public:
  constexpr Instant() = default;
  [[nodiscard]] static constexpr Instant from_nanoseconds(std::int64_t since_boot) {
    Instant made;
    made.since_boot_ = since_boot;
    return made;
  }
  // Later than any instant that can be reached; adding to it stays there.
  [[nodiscard]] static constexpr Instant never() { return from_nanoseconds(INT64_MAX); }

  [[nodiscard]] constexpr std::int64_t nanoseconds() const { return since_boot_; }
  [[nodiscard]] constexpr bool is_never() const { return since_boot_ == INT64_MAX; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant at, Duration by) {
    return at.is_never() ? at : from_nanoseconds(at.since_boot_ + by.count());
  }
  friend constexpr Instant operator-(Instant at, Duration by) {
    return at.is_never() ? at : from_nanoseconds(at.since_boot_ - by.count());
  }
  friend constexpr Duration operator-(Instant later, Instant earlier) {
    return Duration(later.since_boot_ - earlier.since_boot_);
  }

 private:
  std::int64_t since_boot_ = 0;
};

// Wall time, microseconds since 1970-01-01 UTC. For people, files and other machines only.
struct WallTime {
  std::int64_t microseconds = 0;
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

}  // namespace pgherd
