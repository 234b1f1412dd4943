// Daemon: one agent in real time. It builds the real doors, keeps the loop, hears signals and
// writes the log. It decides nothing.
//
// Threads: the loop (agent, HTTP API) is the thread that calls run(); PostgreSQL's hands and gRPC
// have their own and post to it, so that nothing there can hold up a lease.
#pragma once

#include <string>

namespace pgherd {

// Runs until the agent ends; returns the exit status. Problems of the configuration are reported on
// stderr, with status 1.
[[nodiscard]] int run_daemon(const std::string& config_path);

}  // namespace pgherd
