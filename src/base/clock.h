// Clock: the door to time. Real (runtime) or invented (sim).
#pragma once

#include <functional>
#include <memory>

#include "base/instant.h"

namespace pgherd {

// Destroying it cancels the call.
class Alarm {
 public:
  virtual ~Alarm() = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  // Calls `then` on the owner's loop at `when`, or as soon as possible if that is past.
  [[nodiscard]] virtual std::unique_ptr<Alarm> at(Instant when, std::function<void()> then) = 0;
};

}  // namespace pgherd
