// The operator's tool: `pgherd ctl`, `pgherdctl`, `patronictl`.
#pragma once

namespace pgherd {

// Runs one command to its end and gives the exit code: 0 done, 1 not done, 2 wrong usage. argv[0]
// is the name under which help and version speak of the tool; "pgherd" and "ctl" are read as
// "pgherd ctl". Reads stdin, writes stdout and stderr; Ctrl-C says "Aborted!" and exits with 1 at
// once.
int ctl_main(int argc, char** argv);

}  // namespace pgherd
