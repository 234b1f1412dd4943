// Passwords of a local herd: random, made once, kept in <dir>/secrets.json (0600).
#pragma once

#include <optional>
#include <string>

#include "runtime/files.h"

namespace pgherd::local {

struct Secrets {
  std::string superuser;
  std::string replication;
  std::string rewind;
  std::string rest;
  std::string statistics;
};
inline constexpr const char* kRestUser = "herd";
inline constexpr const char* kStatisticsUser = "herd";

// Makes them on the first call. Throws LocalError.
[[nodiscard]] Secrets load_or_make_secrets(const std::string& dir,
                                           const std::optional<FileOwner>& owner);
[[nodiscard]] Secrets load_secrets(const std::string& dir);

}  // namespace pgherd::local
