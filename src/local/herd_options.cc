#include "local/herd_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "local/errors.h"
#include "local/herd.h"

namespace pgherd::local {
namespace fs = std::filesystem;

std::string find_dir(const HerdOptions& options) {
  std::error_code error;
  const auto absolute = [](const fs::path& path) {
    std::string text = fs::absolute(path).lexically_normal();
    while (text.size() > 1 && text.back() == '/')
      text.pop_back();
    return text;
  };
  if (!options.dir.empty()) return absolute(options.dir);
  std::string here = absolute(".herd");
  if (!fs::exists(marker_of(here), error) && fs::exists(marker_of(kFallbackDir), error))
    return kFallbackDir;
  return here;
}

std::optional<RunAs> find_runner(const HerdOptions& options) {
  if (::geteuid() != 0) {
    if (options.user.empty()) return std::nullopt;
    const auto named = find_user(options.user);
    if (named && named->user == ::geteuid()) return std::nullopt;
    throw LocalError("--user " + options.user + ": only root can run the herd as another user");
  }
  const std::string name = options.user.empty() ? "postgres" : options.user;
  auto found = find_user(name);
  if (!found && options.user.empty()) found = find_user("pgherd");
  if (!found)
    throw LocalError("PostgreSQL refuses to run as root, and there is no user \"" + name +
                     "\" to run it as. Make one (useradd --system --create-home pgherd) or name "
                     "one: --user NAME");
  if (found->user == 0)
    throw LocalError("--user " + name + ": PostgreSQL refuses to run as root; name another user");
  return *found;
}

std::optional<std::string> closed_folder(const std::string& path, const RunAs& who) {
  fs::path walked;
  for (const auto& piece : fs::path(path)) {
    walked /= piece;
    struct stat status{};
    if (::stat(walked.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) break;
    mode_t needed = S_IXOTH;
    if (status.st_uid == who.user)
      needed = S_IXUSR;
    else if (status.st_gid == who.group)
      needed = S_IXGRP;
    if ((status.st_mode & needed) == 0) return walked;
  }
  return std::nullopt;
}

}  // namespace pgherd::local
