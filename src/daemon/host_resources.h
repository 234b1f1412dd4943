// HostResources: what its host gives a node, for /metrics and `ctl doctor --hosts`: how many files
// a process may open, and the settings of the kernel that a database feels.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace pgherd {

struct HostResources {
  // Of the agent; PostgreSQL is started with the same. 0: not known.
  std::int64_t open_files_limit = 0;
  // By sysctl's name; "transparent_hugepage" is 0 (never), 1 (madvise) or 2 (always). Only what
  // could be read.
  std::map<std::string, std::int64_t> kernel;
  bool operator==(const HostResources&) const = default;
};

// Reads files of /proc and /sys, which wait for no disk. `root`: what stands before their paths.
[[nodiscard]] HostResources read_host_resources(const std::string& root = "");

// Text of Prometheus; `labels` without braces.
[[nodiscard]] std::string host_metrics(const HostResources& host, const std::string& labels);

}  // namespace pgherd
