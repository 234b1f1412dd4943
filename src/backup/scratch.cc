#include "backup/scratch.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "backup/backup_table.h"
#include "backup/errors.h"
#include "runtime/files.h"

namespace pgherd::backup {
namespace {

namespace fs = std::filesystem;

// Says whose this directory is; held (flock) while the restore test that it belongs to lives.
constexpr const char* kMark = "pgherd-restore-test";
// Its content where the directory was made for the test, and has to go with it.
constexpr const char* kMade = "made";
// All that a restore test puts there.
constexpr std::array<const char*, 6> kParts{"data",        "tablespaces",   "socket",
                                            "pg_hba.conf", "pg_ident.conf", "postgresql.conf"};
// sun_path of a Unix socket, with its end.
constexpr std::size_t kSocketPathMax = 107;
constexpr const char* kSocketName = "/.s.PGSQL.5432.lock";

bool is_below(const fs::path& path, const fs::path& above) {
  auto at = path.begin();
  for (const fs::path& part : above) {
    if (part.empty()) continue;  // "/srv/" ends with one
    if (at == path.end() || *at != part) return false;
    ++at;
  }
  return true;
}

fs::path real_path(const std::string& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(fs::absolute(path), error);
  return error ? fs::absolute(path).lexically_normal() : real;
}

std::string why(int code) {
  return std::strerror(code);
}

// A data directory that nobody told us of.
std::string data_directory_around(const fs::path& path) {
  std::error_code ignored;
  for (fs::path at = path; !at.empty() && at != at.root_path(); at = at.parent_path())
    if (fs::exists(at / "PG_VERSION", ignored)) return at.string();
  return "";
}

bool has_only_ours(const fs::path& path) {
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    bool is_ours = name == kMark;
    for (const char* part : kParts)
      is_ours = is_ours || name == part;
    if (!is_ours) return false;
  }
  std::error_code ignored;
  return !error && fs::exists(path / kMark, ignored);
}

// Processes that are ending may still write: a few attempts.
std::string remove_parts(const fs::path& path) {
  constexpr int kAttempts = 20;
  std::string problem;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    problem.clear();
    for (const char* part : kParts) {
      std::error_code error;
      fs::remove_all(path / part, error);
      if (error) problem = fmt::format("{}: {}", (path / part).string(), error.message());
    }
    if (problem.empty()) return "";
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return problem;
}

void expect_room(const fs::path& path, std::int64_t bytes_needed) {
  struct statvfs room{};
  if (::statvfs(path.c_str(), &room) != 0) return;  // what follows fails then, and says why
  const auto free = static_cast<std::int64_t>(room.f_bavail * room.f_frsize);
  if (free < bytes_needed)
    throw Refusal(
        fmt::format("{} has {} free, and the restored database takes {} (and its "
                    "write-ahead log): name a directory with more room with --scratch",
                    path.string(), size_text(free), size_text(bytes_needed)));
}

}  // namespace

std::string default_scratch(const std::string& stanza) {
  const char* folder = std::getenv("TMPDIR");
  return fmt::format("{}/pgherd-restore-test-{}",
                     folder != nullptr && *folder != '\0' ? folder : "/var/tmp", stanza);
}

std::string conflict_with(const std::string& path, const std::set<std::string>& data_dirs) {
  for (const std::string& data_dir : data_dirs) {
    if (is_below(path, data_dir))
      return fmt::format("it is, or lies inside, the data directory {}", data_dir);
    if (is_below(data_dir, path)) return fmt::format("the data directory {} lies in it", data_dir);
  }
  return "";
}

Scratch::Scratch(const std::string& path, const std::set<std::string>& data_dirs,
                 std::int64_t bytes_needed)
    : path_(real_path(path).string()) {
  std::set<std::string> real_dirs;
  for (const std::string& data_dir : data_dirs)
    if (!data_dir.empty()) real_dirs.insert(real_path(data_dir).string());
  std::string problem = conflict_with(path_, real_dirs);
  if (const auto around = data_directory_around(path_); problem.empty() && !around.empty())
    problem = fmt::format("it is, or lies inside, the data directory {}", around);
  if (!problem.empty())
    throw Refusal(
        fmt::format("nothing is restored into {}: {}. Name a directory that does not "
                    "exist or is empty with --scratch",
                    path_, problem));
  if (path_.size() + std::strlen("/socket") + std::strlen(kSocketName) > kSocketPathMax)
    throw Refusal(
        fmt::format("{} is too long for the socket of PostgreSQL: name a shorter path "
                    "with --scratch",
                    path_));
  if (::mkdir(path_.c_str(), 0700) != 0) {
    if (errno != EEXIST)
      throw Refusal(fmt::format("cannot make the directory {}: {}", path_, why(errno)));
    was_there_ = true;
    claim_existing();
  }
  hold();
  try {
    expect_room(path_, bytes_needed);
    fill();
  } catch (...) {
    static_cast<void>(remove_parts(path_));
    ::unlink(file(kMark).c_str());
    if (!was_there_) ::rmdir(path_.c_str());
    throw;
  }
}

void Scratch::claim_existing() {
  struct stat seen{};
  if (::lstat(path_.c_str(), &seen) != 0 || !S_ISDIR(seen.st_mode))
    throw Refusal(
        fmt::format("{} is no directory: name one that does not exist or is empty with "
                    "--scratch",
                    path_));
  if (seen.st_uid != ::geteuid())
    throw Refusal(
        fmt::format("{} belongs to another user: name a directory that does not exist "
                    "with --scratch",
                    path_));
  std::error_code error;
  if (fs::is_empty(path_, error) && !error) return;
  if (error || !has_only_ours(path_))
    throw Refusal(
        fmt::format("{} is in use: it is not empty. Name a directory that does not exist "
                    "or is empty with --scratch",
                    path_));
  const auto mark = read_file(file(kMark));
  was_there_ = !mark || *mark != kMade;
}

void Scratch::hold() {
  const std::string mark = file(kMark);
  lock_.reset(::open(mark.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock_.is_open()) throw Refusal(fmt::format("cannot write {}: {}", mark, why(errno)));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    throw Refusal(
        fmt::format("{} is in use by another restore test: wait for its end, or name "
                    "another directory with --scratch",
                    path_));
  const std::string_view said = was_there_ ? "" : kMade;
  if (::ftruncate(lock_.get(), 0) != 0 ||
      ::write(lock_.get(), said.data(), said.size()) != static_cast<ssize_t>(said.size()))
    throw Refusal(fmt::format("cannot write {}: {}", mark, why(errno)));
}

void Scratch::fill() {
  if (const std::string problem = remove_parts(path_); !problem.empty())
    throw Refusal("what an earlier restore test left cannot be removed: " + problem);
  ::chmod(path_.c_str(), 0700);
  for (const std::string& folder : {data(), tablespaces(), socket_dir()})
    if (::mkdir(folder.c_str(), 0700) != 0)
      throw Refusal(fmt::format("cannot make the directory {}: {}", folder, why(errno)));
}

Scratch::~Scratch() {
  std::string problem = remove_parts(path_);
  const bool is_gone = problem.empty() && ::unlink(file(kMark).c_str()) == 0 &&
                       (was_there_ || ::rmdir(path_.c_str()) == 0);
  if (!is_gone && problem.empty()) problem = fmt::format("{}: {}", path_, why(errno));
  if (!problem.empty())
    fmt::print(stderr, "warning: not all of {} could be removed ({}): do so by hand\n", path_,
               problem);
}

}  // namespace pgherd::backup
