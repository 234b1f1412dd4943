// Archiving on behalf of a server that is down: what its archiver had no time or no reason for, and
// what nobody could fetch any more once the data directory is rewound or follows another primary.
//
// Threads: the hands' loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "postgres/local/act_context.h"

namespace pgherd {

// `archive_command` for one segment: %p is its path below the data directory, %f its name, %% a
// percent sign; anything else stays as it is (PostgreSQL manual, archive_command).
[[nodiscard]] std::string archive_command_for(std::string_view command, std::string_view segment);

// The server is shut down cleanly. Its shutdown checkpoint begins a segment that the archiver never
// saw, for it had ended by then: a standby that restores from the archive would go on without it,
// and this server could not follow that standby ever after. Runs archive_command on that segment, a
// few times where it fails. Nothing to do without archive_mode and archive_command. What could not
// be done is logged with what to do about it.
// Authority: PostgreSQL xlog.c ShutdownXLOG; Patroni 4.1, demote-cluster.
[[nodiscard]] boost::asio::awaitable<void> archive_shutdown_checkpoint(ActContext& context,
                                                                       const ActControl& control);

// Before pg_rewind takes them away: what is marked as ready to be archived and still there. Goes on
// after one that fails, for nobody tries again, unless the command did not end within
// `segment_limit` (Patroni, _archive_ready_wals, which knows no such limit). Its mark stays.
[[nodiscard]] boost::asio::awaitable<void> archive_ready_segments(ActContext& context,
                                                                  const ActControl& control,
                                                                  Duration segment_limit = 60s);

}  // namespace pgherd
