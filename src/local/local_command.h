// `pgherd local ...` for main(): up, status, down, destroy, dsn, logs, and the hidden supervise.
#pragma once

#include <string>
#include <vector>

namespace pgherd::local {

// `words` follow "local". Prints help and errors itself; returns the exit status. The program that
// runs it must know the subcommands `local`, `agent FILE` and `ctl`.
int local_main(const std::vector<std::string>& words);

}  // namespace pgherd::local
