// What the command line says about a herd, and the directory it lives in.
#pragma once

#include <optional>
#include <string>

#include "local/herd.h"
#include "runtime/process.h"

namespace pgherd::local {

struct HerdOptions {
  std::string dir;  // "": found out
  int nodes = 4;
  std::optional<int> port_base;  // 0: free ports from the system
  int ttl = 5;
  int loop_wait = 1;
  int retry_timeout = 1;
  std::optional<BalancerKind> balancer;  // absent: as the herd was made; a new one has HAProxy
  std::string user;
  std::string pg_bindir;
  std::string pg_version;  // of several in the deps file: 17, 15
  int patience_seconds = 120;
};

// Absolute. Without a wish: ./.herd, or kFallbackDir if a herd is there and not here.
inline constexpr const char* kFallbackDir = "/var/lib/pgherd/herd";
[[nodiscard]] std::string find_dir(const HerdOptions& options);

// Who is to run the herd: empty for the caller. PostgreSQL refuses root, so root must name
// somebody, or there is a user called postgres. Throws LocalError.
[[nodiscard]] std::optional<RunAs> find_runner(const HerdOptions& options);

// The first folder on the way to `path` (itself included if it is one) that `who` cannot enter.
[[nodiscard]] std::optional<std::string> closed_folder(const std::string& path, const RunAs& who);

}  // namespace pgherd::local
