// ArchiveBacklog: write-ahead log of a primary that waits to be archived. An archive_command that
// fails, one that hangs and one that is too slow look alike here, and all of them mean that a
// backup could not be recovered up to now.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/instant.h"

namespace pgherd {

struct ArchiveBacklog {
  std::size_t files = 0;
  std::optional<WallTime> oldest;  // since when the one waits that waits longest

  // Finished lines for /metrics.
  [[nodiscard]] std::string metrics(const std::string& labels, WallTime now) const;
};

// What PostgreSQL has marked as ready to be archived (pg_wal/archive_status/*.ready, its manual
// 25.3.1). Nothing where archiving is off. Reads a directory: keep it off the loop.
[[nodiscard]] ArchiveBacklog look_at_archive(const std::string& data_dir);

}  // namespace pgherd
