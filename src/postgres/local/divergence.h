// Has the local history left the source's? Pure arithmetic on timelines and positions (Patroni
// postgresql/rewind.py; PostgreSQL src/backend/access/transam/timeline.c). Reading both ends is
// others' work.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/cluster_view.h"
#include "steps/outcome.h"

namespace pgherd {

// How far local history goes.
struct LocalEnd {
  enum class Kind {
    Standby,          // `position`: replayed up to here
    ShutDownPrimary,  // `position`: end of the shutdown checkpoint record
    OpenPrimary,  // crashed or still running as a primary: there is, or will be, more than it says
    Backup,  // copied and never started since; `position`: what it brings along ends here or before
  };
  Kind kind{};
  Timeline timeline;
  Lsn position;
};

// Where local history leaves the source's: what follows is here only.
struct Fork {
  Timeline timeline;  // the local one
  Lsn at;             // unknown: nobody can say, its whole timeline is here only
  bool operator==(const Fork&) const = default;
};

struct HistoryVerdict {
  Divergence verdict = Divergence::Unknown;
  std::string detail;
  std::optional<Fork> fork = {};  // of Diverged
};

// `history`: the rows of the source's history file, oldest first.
[[nodiscard]] HistoryVerdict compare_histories(const LocalEnd& local, Timeline source_timeline,
                                               const std::vector<HistoryRow>& history);

// The text of a .history file: "<timeline> TAB <switch point> TAB <reason>" lines and comments.
[[nodiscard]] Result<std::vector<HistoryRow>, std::string> parse_history_file(
    std::string_view text);

// Where a copy that has not been started yet begins to recover.
struct BackupStart {
  Timeline timeline;
  Lsn checkpoint;
};
// The text of a backup_label; nothing if it lacks either.
[[nodiscard]] std::optional<BackupStart> parse_backup_label(std::string_view text);

}  // namespace pgherd
