// Launch: how a server is handed over to the guardian, and what its child does to become it. What
// is handed over is a file in memory, for an environment may be longer than a packet.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "postgres/launcher.h"
#include "runtime/unique_fd.h"

namespace pgherd {

struct PackedServer {
  UniqueFd text;  // arguments, environment, and limits of the process that packs it
  UniqueFd log;
};

// The agent's side.
[[nodiscard]] Result<PackedServer, std::string> pack(const ServerProcess& process);

// The child's side: takes back everything that made the guardian hard to stop, and becomes the
// server. From before its first instruction on it is sent SIGQUIT (PostgreSQL: an immediate
// shutdown) when `guardian` ends. Allocates, so it is for a child of a process with one thread.
[[noreturn]] void become_server(int text, int log, pid_t guardian);

}  // namespace pgherd
