// `pgherd local supervise DIR [--stop]`: the daemon behind `up` and `down`. Hidden.
#pragma once

#include <string>

namespace pgherd::local {

// Keeps the herd of `dir` running until SIGTERM or SIGINT, then stops all of it: standbys, primary,
// HAProxy or the router, proxy, etcd. If `only_stop`, stops what an earlier supervisor left
// running. Returns the exit status. Throws LocalError: no herd there, or it has a supervisor
// already.
int supervise(const std::string& dir, bool only_stop);

}  // namespace pgherd::local
