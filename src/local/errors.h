// LocalError: a command cannot go on; the text is for the person in front of the terminal and says
// what, which value, and what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace pgherd::local {

class LocalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace pgherd::local
