// Spawning: the part of a child's start that is fork, exec and nothing else. Used by process.cc.
#pragma once

#include <string>

#include "base/result.h"
#include "runtime/process.h"
#include "runtime/unique_fd.h"

namespace pgherd {

struct Spawned {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd out;  // closed if output goes to a file
  UniqueFd err;
};

[[nodiscard]] Result<Spawned, std::string> spawn(const ProcessSpec& spec);

}  // namespace pgherd
