// The hunt: find everything that is PostgreSQL on one data directory, and kill it (SIGKILL).
//
// Prey is: the postmaster that was named (if pid and start time still match), its descendants, and
// every process named postgres whose working directory is the data directory.
#pragma once

#include <string>

#include "runtime/process_identity.h"

namespace pgherd {

struct Prey {
  std::string data_dir;
  ProcessIdentity postmaster;  // pid 0: not known
};

// One round: kills what it finds, the postmaster first so that nothing new is born. Returns how
// many were found alive; 0 means that nothing of it is left. Never waits.
[[nodiscard]] int hunt(const Prey& prey);

}  // namespace pgherd
