// How a drill ends early. One shot for a person or a timer, so what stops it is thrown and caught
// once, in drill_main: a sentence on stderr and an exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace pgherd::drill {

// "error: <what>", exit 1.
class DrillError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// "refused: <what>", exit 2: nothing was done to the cluster.
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A signal asked for the end. Exit 128 + its number.
class Interrupted : public std::runtime_error {
 public:
  explicit Interrupted(int number)
      : std::runtime_error("interrupted by signal " + std::to_string(number)), signal(number) {}
  int signal;
};

}  // namespace pgherd::drill
