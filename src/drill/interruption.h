// Interruption: from its construction to its end SIGINT, SIGTERM and SIGHUP do not end the process
// but are noted, so that what a drill has changed can be put back. One at a time.
#pragma once

#include <csignal>
#include <map>

namespace pgherd::drill {

class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // Throws Interrupted if a signal has come.
  static void throw_if_any();

 private:
  std::map<int, struct sigaction> before_;
};

}  // namespace pgherd::drill
