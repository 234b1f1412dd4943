// Every process that is PostgreSQL on one data directory: the postmaster that was named (if pid and
// start time still match), its descendants, and whatever is named postgres and works in the
// directory.
#pragma once

#include <string>

#include "runtime/process_identity.h"

namespace pgherd {

struct ServerProcesses {
  std::string data_dir;
  ProcessIdentity postmaster;  // pid 0: not known
};

// One round: kills what it finds, the postmaster first so that nothing new is born. Returns how
// many were found alive; 0 means that nothing of it is left. Never waits.
[[nodiscard]] int kill_server_processes(const ServerProcesses& server);

}  // namespace pgherd
