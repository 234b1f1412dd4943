// The first process of a container: the kernel gives it every orphan, and PostgreSQL's backends are
// orphans when their postmaster is killed. Somebody has to reap them, or they fill the table of
// processes. Authority: Patroni __main__.py, PID 1.
#pragma once

#include <optional>

namespace pgherd {

// In the first process of a PID namespace: goes on in a child, for which this one is the init. It
// reaps whoever ends, passes on HUP, QUIT, USR1, USR2, INT, ABRT and TERM, and returns with the
// child's exit status (128 and the signal's number if that ended it). In the child, and in every
// other process: nothing, at once. To be called before there are threads. Throws std::system_error.
[[nodiscard]] std::optional<int> act_as_init();

}  // namespace pgherd
