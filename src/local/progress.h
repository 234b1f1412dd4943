// Lines for a person: what was done, and how long it took.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <string>

#include "base/instant.h"
#include "runtime/asio_clock.h"

namespace pgherd::local {

class Progress {
 public:
  void done(const std::string& what) {
    const auto milliseconds = std::chrono::duration_cast<Milliseconds>(boottime_now() - began_);
    fmt::print("  {:<62} {:>6.1f} s\n", what, static_cast<double>(milliseconds.count()) / 1000.0);
    std::fflush(stdout);
  }

 private:
  Instant began_ = boottime_now();
};

}  // namespace pgherd::local
