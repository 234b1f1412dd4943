// `pgherd guardian --data-dir D`: hidden, started by GuardianFence. Dispatch to it before anything
// else is initialised: it must start in milliseconds and stay small.
#pragma once

namespace pgherd {

// argv[0] is the program, argv[1] "guardian". Prints "ready" on stdout once the data directory has
// a guardian (this one, or one that was there before). Exit status 0, or 1 with a line on stderr.
int guardian_main(int argc, char** argv);

}  // namespace pgherd
