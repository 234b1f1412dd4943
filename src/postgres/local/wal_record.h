// Where a WAL record ends: the one thing that must be read from the write-ahead log itself, to tell
// whether a former primary's shutdown checkpoint reached its successor (PostgreSQL
// src/include/access/xlogrecord.h, xlog_internal.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/ids.h"
#include "model/lsn.h"

namespace pgherd {

// The position after a record of `total_bytes` that starts at `start`: page headers on its way are
// counted, and records end on multiples of eight.
[[nodiscard]] Lsn end_of_record(Lsn start, std::uint32_t total_bytes,
                                std::uint32_t wal_segment_bytes);

// "000000030000000A000000FF"
[[nodiscard]] std::string wal_segment_name(Timeline timeline, Lsn position,
                                           std::uint32_t wal_segment_bytes);

// Where the last of the timeline's segments in `<data_dir>/pg_wal` ends, full or not; nothing if
// there is none.
[[nodiscard]] std::optional<Lsn> end_of_last_segment(const std::string& data_dir, Timeline timeline,
                                                     std::uint32_t wal_segment_bytes);

struct WalRecordError {
  bool is_missing = false;  // the segment is not there: it never will be
  std::string text;
};
// The end of the shutdown checkpoint record that starts at `start`.
[[nodiscard]] Result<Lsn, WalRecordError> end_of_shutdown_checkpoint(
    const std::string& data_dir, Timeline timeline, Lsn start, std::uint32_t wal_segment_bytes);

}  // namespace pgherd
