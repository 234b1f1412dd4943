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

// The postmaster and its children, which the kernel lists: well under a millisecond, where a look
// at every process of a machine takes several, in which a machine that has just been thawed would
// acknowledge a write. Returns whether the postmaster was there; who is not its child, or was born
// in that moment, is left to the round below. Never waits.
bool strike_server(const ProcessIdentity& postmaster);

// One round: strikes, then kills whatever else it finds, the postmaster first so that nothing new
// is born. Returns how many were found alive; 0 means that nothing of it is left. Never waits.
[[nodiscard]] int kill_server_processes(const ServerProcesses& server);

}  // namespace pgherd
