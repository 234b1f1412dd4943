// postmaster.pid: what a postmaster says of itself (PostgreSQL src/include/utils/pidfile.h), and
// whether the process it names is really that postmaster. The file outlives crashes; pids are
// reused.
//
// Everything here reads /proc and small files: any thread, no waiting worth mentioning.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/pid_watch.h"

namespace pgherd {

enum class PostmasterStatus {
  Unknown,  // the line is not written yet
  Starting,
  Ready,    // accepts connections
  Standby,  // accepts connections that only read
  Stopping,
};

struct PostmasterPid {
  pid_t pid = 0;
  bool is_single_user = false;  // `postgres --single` holds the directory
  std::string data_dir;
  std::int64_t started_at = 0;  // seconds since 1970
  std::uint16_t port = 0;
  std::string socket_dir;
  PostmasterStatus status = PostmasterStatus::Unknown;
};

// Empty: not even a pid is in it.
[[nodiscard]] std::optional<PostmasterPid> parse_postmaster_pid(std::string_view text);
[[nodiscard]] std::optional<PostmasterPid> read_postmaster_pid(const std::string& data_dir);

struct FoundPostmaster {
  PostmasterPid file;
  ProcessIdentity process;
};
struct PostmasterSearch {
  std::optional<FoundPostmaster> found;
  // A process that has the pid in the file but is not the postmaster of this directory: a later
  // owner of the pid, or the dead postmaster itself whose parent has not reaped it yet.
  pid_t stranger = 0;
};
[[nodiscard]] PostmasterSearch find_postmaster(const std::string& data_dir);

// PostgreSQL asks only whether some process has the pid in the file, and would refuse to start
// because of the stranger, unless told that it knows this process. It still looks for users of the
// shared memory itself. Empty when there is no stranger.
using EnvironmentEntry = std::pair<std::string, std::string>;
[[nodiscard]] std::optional<EnvironmentEntry> acquaintance_with_stranger(
    const PostmasterSearch& search);

// PostgreSQL processes that run in this directory, the postmaster included: what a killed
// postmaster leaves behind holds its shared memory, and nothing can start before they are gone.
[[nodiscard]] std::vector<ProcessIdentity> postgres_processes_in(const std::string& data_dir);
// Of these, by the title that it has set: the logger, which ends when it has written down what the
// others have said.
[[nodiscard]] bool is_logger(const ProcessIdentity& process);

}  // namespace pgherd
