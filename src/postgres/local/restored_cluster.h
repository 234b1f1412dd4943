// A new cluster from what the operator's command has put into the data directory
// (bootstrap.method): a backup, as a rule, which recovers to where it is told to.
#pragma once

#include "postgres/local/act_context.h"

namespace pgherd {

// Runs the command into the empty directory, which is marked as unfinished from the first file on
// and stays so.
[[nodiscard]] boost::asio::awaitable<Attempt> fill_by_command(ActContext& context,
                                                              const ActControl& control,
                                                              BootstrapMethod method);

// Starts what the command has left, waits until it has recovered and is no standby any more, gives
// the superuser the password of the configuration, and stops it. Nobody else gets in: the roles and
// passwords are still those of the backup, so the server listens on no address and on a socket in a
// directory that only this user can enter.
[[nodiscard]] boost::asio::awaitable<Attempt> recover_restored(ActContext& context,
                                                               ActControl& control,
                                                               BootstrapMethod method);

}  // namespace pgherd
