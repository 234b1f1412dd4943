// How a command ends early. ctl is one shot for a person at a keyboard, so what stops it is thrown
// and caught once, in run_ctl: a sentence on stderr and an exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace pgherd::ctl {

// "Error: <what>", exit 1.
class CtlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Usage and "Error: <what>", exit 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// End of input at a prompt: "Aborted!", exit 1.
class Aborted : public std::runtime_error {
 public:
  Aborted() : std::runtime_error("Aborted!") {}
};

}  // namespace pgherd::ctl
