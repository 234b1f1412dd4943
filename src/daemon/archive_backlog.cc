#include "daemon/archive_backlog.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace pgherd {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSecond = 1000000;   // of a WallTime
constexpr std::int64_t kNanosecond = 1000;  // so many in a microsecond

// nullopt: it was archived meanwhile.
std::optional<WallTime> time_of(const fs::path& path) {
  struct stat seen{};
  if (::stat(path.c_str(), &seen) != 0) return std::nullopt;
  return WallTime{seen.st_mtim.tv_sec * kSecond + seen.st_mtim.tv_nsec / kNanosecond};
}

}  // namespace

std::string ArchiveBacklog::metrics(const std::string& labels, WallTime now) const {
  const std::int64_t waited =
      oldest ? std::max<std::int64_t>(now.microseconds - oldest->microseconds, 0) : 0;
  return fmt::format(
      "# HELP pgherd_archive_waiting_files Files of a primary that wait to be archived.\n"
      "# TYPE pgherd_archive_waiting_files gauge\npgherd_archive_waiting_files{{{0}}} {1}\n"
      "# HELP pgherd_archive_oldest_wait_seconds How long the one has waited that waits longest.\n"
      "# TYPE pgherd_archive_oldest_wait_seconds gauge\n"
      "pgherd_archive_oldest_wait_seconds{{{0}}} {2}\n",
      labels, files, waited / kSecond);
}

ArchiveBacklog look_at_archive(const std::string& data_dir) {
  ArchiveBacklog backlog;
  std::error_code error;
  fs::directory_iterator at(fs::path(data_dir) / "pg_wal/archive_status", error);
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != ".ready") continue;
    const auto since = time_of(at->path());
    if (!since) continue;
    ++backlog.files;
    backlog.oldest = backlog.oldest ? std::min(*backlog.oldest, *since) : *since;
  }
  return backlog;
}

}  // namespace pgherd
