// Dice: seeded randomness whose draws are the same on every machine and compiler (SplitMix64, own
// integer draw: std::uniform_int_distribution may differ between libraries).
#pragma once

#include <cstdint>

#include "base/instant.h"

namespace pgherd {

class Dice {
 public:
  explicit constexpr Dice(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  // A number in [low, high], both included. The modulo's bias is irrelevant for choosing faults.
  constexpr std::int64_t between(std::int64_t low, std::int64_t high) {
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<std::int64_t>(span == 0 ? next() : next() % span);
  }
  // True in `percent` of a hundred draws.
  constexpr bool chance(int percent) { return between(1, 100) <= percent; }
  constexpr Duration between(Duration low, Duration high) {
    return Duration(between(low.count(), high.count()));
  }

 private:
  std::uint64_t state_;
};

}  // namespace pgherd
