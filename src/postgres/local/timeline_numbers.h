// Keeping two promotions from giving their timelines one number. PostgreSQL takes the number after
// the last whose history file it finds (timeline.c, findNewestTimeLine), and a standby never hears
// of a timeline that began and ended elsewhere. The number that was claimed in the store (rule K5)
// is reached by laying history files of the numbers before it, which is what archiving would have
// done.
#pragma once

#include <string>

#include "model/ids.h"
#include "postgres/local/failure.h"

namespace pgherd {

// Lays a history file in pg_wal for every number after `present` and before `wanted` that has none.
// Each says that its timeline left the first one at its very beginning: no server ever follows it,
// for it forked off before the present position. Blocks on the disk.
[[nodiscard]] Attempt skip_timeline_numbers(const std::string& data_dir, Timeline present,
                                            Timeline wanted);

// Removes what the former has laid for a promotion that was not reached: a standby that starts
// takes the newest number it finds for its target. Below a timeline that was reached they stay: a
// standby asks its primary for the history of every number between its own timeline and the
// primary's (walreceiver.c, WalRcvFetchTimeLineHistoryFiles), and without the file it never streams
// again.
void forget_skipped_timeline_numbers(const std::string& data_dir);

}  // namespace pgherd
