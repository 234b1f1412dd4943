#include "local/programs.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <vector>

#include "local/errors.h"
#include "runtime/files.h"

namespace pgherd::local {
namespace {
namespace fs = std::filesystem;

using Variables = std::map<std::string, std::string>;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string own_program() {
  std::error_code error;
  std::string path = fs::read_symlink("/proc/self/exe", error);
  if (error) throw LocalError("cannot find this program's own file: " + error.message());
  // Rebuilt while it runs: the new one is meant.
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.size() > kDeleted.size() &&
      path.compare(path.size() - kDeleted.size(), kDeleted.size(), kDeleted) == 0)
    path.resize(path.size() - kDeleted.size());
  return path;
}

Variables read_deps() {
  std::vector<std::string> places{from_environment("PGHERD_DEPS_ENV"), ".deps/env"};
  for (fs::path folder = fs::path(own_program()).parent_path(); folder != folder.parent_path();
       folder = folder.parent_path())
    places.push_back(folder / ".deps/env");
  for (const auto& place : places) {
    if (place.empty()) continue;
    const auto text = read_file(place);
    if (!text) continue;
    Variables variables;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
      const auto equals = line.find('=');
      if (equals != std::string::npos) variables[line.substr(0, equals)] = line.substr(equals + 1);
    }
    return variables;
  }
  return {};
}

bool is_program(const std::string& path) {
  return ::access(path.c_str(), X_OK) == 0;
}

// The first that is a program; a path the user wished for is taken as it is, to be complained
// about.
std::string first_of(const std::string& wish, const std::vector<std::string>& candidates) {
  if (!wish.empty()) return wish;
  for (const auto& candidate : candidates)
    if (!candidate.empty() && is_program(candidate)) return candidate;
  return "";
}

std::vector<std::string> in_path(const std::string& name) {
  std::vector<std::string> found;
  std::istringstream folders(from_environment("PATH") +
                             ":/usr/sbin:/usr/local/sbin:/usr/local/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    found.push_back(folder + "/" + name);
  return found;
}

std::string find_pg_bindir(const HerdOptions& options, const Variables& deps) {
  if (!options.pg_bindir.empty()) return options.pg_bindir;
  if (const auto named = from_environment("PGHERD_PG_BINDIR"); !named.empty()) return named;
  const auto known = [&](const std::string& key) {
    const auto found = deps.find(key);
    return found == deps.end() ? std::string() : found->second;
  };
  std::vector<std::string> folders;
  if (!options.pg_version.empty()) {
    folders = {known("PG_BINDIR_" + options.pg_version),
               "/usr/lib/postgresql/" + options.pg_version + "/bin"};
  } else {
    folders = {known("PG_BINDIR"), "/usr/lib/postgresql/17/bin"};
  }
  for (const auto& folder : folders)
    if (!folder.empty() && is_program(folder + "/postgres")) return folder;
  return "";
}

std::string find_tool(const char* key, const std::string& name, const Variables& deps) {
  auto candidates = in_path(name);
  if (const auto known = deps.find(key); known != deps.end())
    candidates.insert(candidates.begin(), known->second);
  return first_of(from_environment(key), candidates);
}

void complain_if_missing(const Programs& programs, const HerdOptions& options) {
  std::string missing;
  const std::string version = options.pg_version.empty() ? "17" : options.pg_version;
  if (programs.pg_bindir.empty())
    missing += "\n  PostgreSQL " + version +
               ": name the folder of its programs with --pg-bindir or PGHERD_PG_BINDIR";
  else if (!is_program(programs.pg_bindir + "/postgres"))
    missing += "\n  PostgreSQL: there is no program " + programs.pg_bindir + "/postgres";
  if (programs.etcd.empty() || !is_program(programs.etcd))
    missing += "\n  etcd: name it with ETCD=/path/to/etcd" +
               (programs.etcd.empty() ? "" : " (not a program: " + programs.etcd + ")");
  const bool needs_haproxy = options.balancer != BalancerKind::Router;
  if (needs_haproxy && (programs.haproxy.empty() || !is_program(programs.haproxy)))
    missing += "\n  HAProxy: name it with HAPROXY=/path/to/haproxy" +
               (programs.haproxy.empty() ? "" : " (not a program: " + programs.haproxy + ")");
  if (!missing.empty())
    throw LocalError("programs are missing (in a clone, `make deps` fetches them all):" + missing);
}

}  // namespace

Programs find_programs(const HerdOptions& options, const std::optional<RunAs>& who) {
  const Variables deps = read_deps();
  Programs programs{.pg_bindir = find_pg_bindir(options, deps),
                    .etcd = find_tool("ETCD", "etcd", deps),
                    .haproxy = find_tool("HAPROXY", "haproxy", deps),
                    .pgherd = own_program()};
  complain_if_missing(programs, options);
  if (options.balancer == BalancerKind::Router) programs.haproxy.clear();
  for (std::string* path : {&programs.pg_bindir, &programs.etcd, &programs.haproxy})
    if (!path->empty()) *path = fs::absolute(*path).lexically_normal();
  if (!who) return programs;
  for (const std::string& path :
       {programs.pg_bindir + "/postgres", programs.etcd, programs.haproxy, programs.pgherd}) {
    if (path.empty()) continue;
    const auto closed = closed_folder(path, *who);
    if (closed)
      throw LocalError("user \"" + who->name + "\" (the herd does not run as root) cannot reach " +
                       path + ": the folder " + *closed +
                       " is closed to others. Open it (chmod o+x), put the program elsewhere, or "
                       "name a user that can enter with --user");
  }
  return programs;
}

}  // namespace pgherd::local
