// Files that are whole or absent: written beside their place, forced to disk, then renamed.
//
// These calls block until the disk has answered; keep them off the loop where files are large.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgherd {

struct FileError {
  int code = 0;      // errno; ENOENT is what most callers look for
  std::string text;  // what was tried on which path and why it failed
};

struct FileOwner {
  uid_t user = 0;
  gid_t group = 0;
};

// Replaces `path` by `content`; after success it survives a power cut, after failure the old file
// is untouched. `mode` holds whatever the umask says. A symbolic link at `path` is replaced, not
// followed.
[[nodiscard]] Result<void, FileError> write_file_atomically(
    const std::string& path, std::string_view content, mode_t mode = 0644,
    const std::optional<FileOwner>& owner = std::nullopt);

// The same for the file that a symbolic link at `path` points to, if there is one; the link stays.
// Where nothing can be put into its directory (it is another's, or read-only, or the file is
// mounted by itself), what is written goes into the file that is there, and a power cut may leave
// it in part.
[[nodiscard]] Result<void, FileError> write_file_in_its_place(const std::string& path,
                                                              std::string_view content,
                                                              mode_t mode = 0644);

// Also reads files that claim to be empty (/proc). Fails with EFBIG above `bytes_max`.
[[nodiscard]] Result<std::string, FileError> read_file(const std::string& path,
                                                       std::size_t bytes_max = 64U << 20U);

// Forces names in a directory (creations, renames, removals) to disk.
[[nodiscard]] Result<void, FileError> sync_directory(const std::string& path);

}  // namespace pgherd
