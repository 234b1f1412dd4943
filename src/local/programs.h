// Where PostgreSQL, etcd and HAProxy are.
#pragma once

#include <optional>
#include <string>

#include "local/herd_options.h"

namespace pgherd::local {

struct Programs {
  std::string pg_bindir;
  std::string etcd;
  std::string haproxy;  // "" where the router stands in its place
  std::string pgherd;   // this program
};

// In this order: command line, environment (PGHERD_PG_BINDIR, ETCD, HAPROXY), the deps file
// (PGHERD_DEPS_ENV, or .deps/env in the working directory or beside the build), the system.
// Throws LocalError naming all that is missing and how to get it, or what `who` cannot run.
[[nodiscard]] Programs find_programs(const HerdOptions& options, const std::optional<RunAs>& who);

}  // namespace pgherd::local
