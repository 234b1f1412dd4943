// The data directory as a thing on disk: what is in it, moving it aside, emptying it. Nothing that
// we did not make ourselves is ever deleted here without being told to, and never through a
// symbolic link that does not look like PostgreSQL's own.
//
// All calls block on the disk.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/instance_view.h"
#include "postgres/local/failure.h"
#include "postgres/local/pg_control.h"

namespace pgherd {

struct DirectoryLook {
  DataDirectory state = DataDirectory::Unknown;
  std::string problem;  // of Broken and Inaccessible: what is wrong and what to do
  std::optional<PgControl> control;
  int major_version = 0;             // of PG_VERSION, 0 when absent
  bool has_standby_signal = false;   // standby.signal or recovery.signal
  bool has_recovery_signal = false;  // recovery.signal alone
  // An unfinished copy or bootstrap of ours: nothing in it is worth keeping.
  bool is_ours_unfinished = false;
};

// `IsOurs`: the mark of an unfinished copy is of the caller's work under way, and is passed over.
enum class Mark { Counts, IsOurs };
[[nodiscard]] DirectoryLook look_at_data_directory(const std::string& data_dir,
                                                   Mark mark = Mark::Counts);

// The marker that says "whatever is here is half made by pgherd". Set inside the directory, because
// it may be a mount point whose parent is not ours.
[[nodiscard]] Attempt mark_unfinished(const std::string& data_dir);
// The same; cheap where it is marked already.
[[nodiscard]] Attempt keep_marked_unfinished(const std::string& data_dir);
[[nodiscard]] Attempt mark_finished(const std::string& data_dir);

// The marker that says "pg_rewind may have changed a part of this directory": neither the old data
// nor the new, and nothing in it shows that. It lies beside the directory, for pg_rewind removes
// what its source does not have; inside only where the parent cannot be written. It names the
// directory by its inode, so that another one put in its place is not taken for it.
[[nodiscard]] Attempt mark_rewinding(const std::string& data_dir);
[[nodiscard]] Attempt mark_rewound(const std::string& data_dir);

// Makes the directory if it is missing, and gives it mode 0700. Precondition: missing or empty.
[[nodiscard]] Attempt make_empty_directory(const std::string& data_dir);
// pg_basebackup gives the files the source's mode (initdb, allow-group-access), but leaves that of
// a directory which was there; and by that PostgreSQL goes when it makes files.
[[nodiscard]] Attempt open_to_group_like_its_files(const std::string& data_dir);

// For a program that makes the directory itself: makes what is missing of the way to it. One that
// is there is given mode 0700. Precondition: missing or empty.
[[nodiscard]] Attempt make_way_to(const std::string& data_dir);

// Renames it to `<dir>.failed` (`.failed.1`, ... if that exists), and with it what pg_wal and
// tablespace links point to, so that a fresh copy finds room. Returns the new name.
[[nodiscard]] Answer<std::string> set_aside(const std::string& data_dir);

// Deletes the content, and the directory itself where it can be removed; a mount point, or one in a
// folder that is not ours, stays as an empty directory. The operator's commands expect that, as
// they find it with Patroni: many copy whole directories, which fails where there is one. Refuses
// paths that cannot be a data directory, directories of others, and content that is neither
// PostgreSQL's nor ours. Follows the links of pg_wal and tablespaces only where what they point to
// belongs to us and looks the part.
[[nodiscard]] Attempt remove_data_directory(const std::string& data_dir);

}  // namespace pgherd
