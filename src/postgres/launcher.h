// Launcher: the door through which the server is started as a child of the guardian, so that it
// cannot outlive it: the kernel itself ends the one with the other (PR_SET_PDEATHSIG), whoever
// kills what, and in which order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace pgherd {

struct ServerProcess {
  std::vector<std::string> argv;  // argv[0] is looked for in PATH if it has no slash
  std::vector<std::pair<std::string, std::string>> env;  // set, on top of the agent's own
  std::vector<std::string> env_unset;
  std::string log_file;  // its stdout and stderr are appended there
  Instant not_after;     // it is not started later than this, whatever has held up the request
};

// The pid of the process that will be the server, or why there is none. That it cannot be executed
// shows in its log and by its end.
using Launched = Result<std::int64_t, std::string>;
using Launch = std::function<void(ServerProcess process, std::function<void(Launched)> done)>;

}  // namespace pgherd
