#include "local/herd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "local/errors.h"
#include "runtime/files.h"
#include "runtime/unique_fd.h"

namespace pgherd::local {
namespace {

using Json = nlohmann::json;

constexpr const char* kKinds[] = {"etcd", "proxy", "agent", "haproxy", "router"};
constexpr const char* kStates[] = {"stopped", "running", "waiting"};

template <typename Enum, std::size_t Size>
Enum named(const char* const (&names)[Size], const std::string& name) {
  for (std::size_t i = 0; i < Size; ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  throw LocalError("\"" + name + "\" is not known to this version");
}

const char* name_of(PartKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}
const char* name_of(PartState state) {
  return kStates[static_cast<std::size_t>(state)];
}

Json part_json(const Part& part) {
  Json json{{"name", part.name},         {"kind", name_of(part.kind)},
            {"argv", part.argv},         {"log", part.log},
            {"data_dir", part.data_dir}, {"config", part.config},
            {"ports", part.ports},       {"state", name_of(part.state)},
            {"pid", part.process.pid},   {"started", part.process.started},
            {"restarts", part.restarts}, {"last_end", part.last_end}};
  for (const auto& [what, port] : part.ports)
    json[what + "_port"] = port;
  return json;
}

Part part_from(const Json& json) {
  Part part;
  part.name = json.at("name");
  part.kind = named<PartKind>(kKinds, json.at("kind"));
  part.argv = json.at("argv").get<std::vector<std::string>>();
  part.log = json.at("log");
  part.data_dir = json.at("data_dir");
  part.config = json.at("config");
  part.ports = json.at("ports").get<std::map<std::string, int>>();
  part.state = named<PartState>(kStates, json.at("state"));
  part.process = {json.at("pid").get<pid_t>(), json.at("started").get<std::uint64_t>()};
  part.restarts = json.at("restarts");
  part.last_end = json.at("last_end");
  return part;
}

Json herd_json(const Herd& herd) {
  Json json{{"dir", herd.dir},
            {"scope", herd.scope},
            {"namespace", "/service/"},
            {"user", herd.user},
            {"pg_bindir", herd.pg_bindir},
            {"ttl", herd.ttl},
            {"loop_wait", herd.loop_wait},
            {"retry_timeout", herd.retry_timeout},
            {"ports",
             {{"primary", herd.primary_port},
              {"standbys", herd.standby_port},
              {"statistics", herd.statistics_port},
              {"etcd", herd.etcd_port}}},
            {"supervisor",
             {{"pid", herd.supervisor.pid},
              {"started", herd.supervisor.started},
              {"log", herd.path("logs/supervisor.log")}}},
            {"parts", Json::array()},
            {"nodes", Json::object()},
            {"etcd", Json::object()}};
  for (const Part& part : herd.parts) {
    json["parts"].push_back(part.name);
    if (part.kind == PartKind::Agent)
      json["nodes"][part.name] = part_json(part);
    else if (part.kind == PartKind::Etcd)
      json["etcd"][part.name] = part_json(part);
    else
      json[name_of(part.kind)] = part_json(part);
  }
  return json;
}

Json find_part(const Json& json, const std::string& name) {
  for (const char* group : {"nodes", "etcd"})
    if (json.at(group).contains(name)) return json.at(group).at(name);
  return json.at(name);
}

Herd herd_from(const Json& json) {
  Herd herd;
  herd.dir = json.at("dir");
  herd.scope = json.at("scope");
  herd.user = json.at("user");
  herd.pg_bindir = json.at("pg_bindir");
  herd.ttl = json.at("ttl");
  herd.loop_wait = json.at("loop_wait");
  herd.retry_timeout = json.at("retry_timeout");
  herd.primary_port = json.at("ports").at("primary");
  herd.standby_port = json.at("ports").at("standbys");
  herd.statistics_port = json.at("ports").at("statistics");
  herd.etcd_port = json.at("ports").at("etcd");
  herd.supervisor = {json.at("supervisor").at("pid").get<pid_t>(),
                     json.at("supervisor").at("started").get<std::uint64_t>()};
  for (const auto& name : json.at("parts"))
    herd.parts.push_back(part_from(find_part(json, name)));
  return herd;
}

}  // namespace

std::vector<const Part*> Herd::agents() const {
  std::vector<const Part*> found;
  for (const Part& part : parts)
    if (part.kind == PartKind::Agent) found.push_back(&part);
  return found;
}

const Part* Herd::find(const std::string& name) const {
  for (const Part& part : parts)
    if (part.name == name) return &part;
  return nullptr;
}

BalancerKind Herd::balancer() const {
  return find("router") != nullptr ? BalancerKind::Router : BalancerKind::Haproxy;
}

void save_herd(const Herd& herd) {
  std::optional<FileOwner> owner;
  struct stat status{};
  // Written by root now, by the supervisor later: it belongs to whoever owns the directory.
  if (::geteuid() == 0 && ::stat(herd.dir.c_str(), &status) == 0)
    owner = FileOwner{status.st_uid, status.st_gid};
  const auto written =
      write_file_atomically(herd.path("herd.json"), herd_json(herd).dump(2) + "\n", 0644, owner);
  if (!written) throw LocalError(written.error().text);
}

std::optional<Herd> load_herd(const std::string& dir) {
  const std::string path = dir + "/herd.json";
  const auto text = read_file(path);
  if (!text && text.error().code == ENOENT) return std::nullopt;
  if (!text) throw LocalError(text.error().text);
  try {
    return herd_from(Json::parse(*text));
  } catch (const std::exception& error) {
    throw LocalError(path + " is not understood (" + error.what() +
                     "); stop what runs by hand and remove the directory");
  }
}

std::string marker_of(const std::string& dir) {
  return dir + "/.made-by-pgherd-local";
}

std::optional<ProcessIdentity> running_supervisor(const std::string& dir) {
  const UniqueFd file(::open((dir + "/supervisor.pid").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return std::nullopt;
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return identify_process(lock.l_pid);
}

std::optional<ProcessIdentity> running_postmaster(const std::string& data_dir) {
  const auto text = read_file(data_dir + "/postmaster.pid");
  if (!text) return std::nullopt;
  const int pid = std::atoi(text->c_str());
  const auto process = identify_process(pid);
  // The file outlives a crash, and its number may have gone to somebody else.
  std::error_code error;
  const bool works_there =
      std::filesystem::equivalent("/proc/" + std::to_string(pid) + "/cwd", data_dir, error);
  return process && works_there ? process : std::nullopt;
}

}  // namespace pgherd::local
