// `pgherd router`: clients connect to it and never learn that the primary moved. One loop watches
// the store and makes the plan; one or several others (worker.h) carry the sessions.
#pragma once

#include <string>

namespace pgherd {

// Until SIGTERM or SIGINT: then no new connections are taken, sessions end as they come to rest,
// and the rest at the end of router.drain_timeout; a second signal ends them at once. Returns the
// exit status. What is wrong with the configuration goes to stderr.
int run_router(const std::string& config_path);

// Says on stderr what is wrong with the configuration; the exit status.
int validate_router_config(const std::string& config_path);

}  // namespace pgherd
