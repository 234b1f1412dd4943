// What the subcommands of `pgherd local` do. All print to stdout, return the exit status, and throw
// LocalError for what the person has to change.
#pragma once

#include <string>

#include "local/herd_options.h"

namespace pgherd::local {

// Starts what does not run and waits until the herd is complete. 1 if that takes too long.
int up(const HerdOptions& options);
// 0: complete; 1: something is amiss; 3: not running.
int status(const HerdOptions& options);
// Stops all; the data stays.
int down(const HerdOptions& options);
// Stops all and removes the directory, if `pgherd local` made it. Asks unless `is_confirmed`.
int destroy(const HerdOptions& options, bool is_confirmed);
int print_dsn(const HerdOptions& options, bool for_reading);
// Becomes `tail` on the log of one part, or of all.
int logs(const HerdOptions& options, const std::string& part, bool follow, int lines);

// Shared by up and status: members, connection strings, what to try. True if complete.
bool show(const std::string& dir);

}  // namespace pgherd::local
