#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>

#include "local/actions.h"
#include "local/configs.h"
#include "local/errors.h"
#include "local/progress.h"
#include "local/topology.h"
#include "runtime/process.h"

namespace pgherd::local {
namespace {
namespace fs = std::filesystem;
namespace asio = boost::asio;

constexpr Duration kLookEvery = 100ms;

struct Place {
  std::string dir;
  std::optional<RunAs> runner;
  [[nodiscard]] std::optional<FileOwner> owner() const {
    if (!runner) return std::nullopt;
    return FileOwner{runner->user, runner->group};
  }
};

// The wish, or, if the runner cannot enter it and nobody insisted, a place that is open to him.
Place find_place(const HerdOptions& options) {
  Place place{.dir = find_dir(options), .runner = find_runner(options)};
  if (!place.runner) return place;
  const auto closed = closed_folder(fs::path(place.dir).parent_path(), *place.runner);
  if (!closed) return place;
  const std::string problem = "user \"" + place.runner->name + "\" cannot enter " + *closed;
  if (!options.dir.empty())
    throw LocalError(problem + ", so PostgreSQL cannot have its data in " + place.dir +
                     ". Choose another --dir, or open the folder (chmod o+x)");
  fmt::print("note: {}; the herd lives in {} instead of {}\n", problem, kFallbackDir, place.dir);
  place.dir = kFallbackDir;
  return place;
}

void make_folder(const Place& place, const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    throw LocalError("cannot make the folder " + path + ": " + std::strerror(errno));
  if (const auto owner = place.owner();
      owner && ::chown(path.c_str(), owner->user, owner->group) != 0)
    throw LocalError("cannot give " + path + " to user \"" + place.runner->name +
                     "\": " + std::strerror(errno));
}

void write(const Place& place, const std::string& path, const std::string& text, mode_t mode) {
  const auto written = write_file_atomically(path, text, mode, place.owner());
  if (!written) throw LocalError(written.error().text);
}

void make_place(const Place& place) {
  std::error_code error;
  const bool is_ours = fs::exists(marker_of(place.dir), error);
  if (!is_ours && fs::exists(place.dir, error) && !fs::is_empty(place.dir, error))
    throw LocalError(place.dir +
                     " is not empty and was not made by pgherd local; name another "
                     "directory with --dir");
  fs::create_directories(fs::path(place.dir).parent_path(), error);  // mkdir below complains
  make_folder(place, place.dir, 0755);
  if (!is_ours) write(place, marker_of(place.dir), "`pgherd local destroy` removes this.\n", 0644);
  make_folder(place, place.dir + "/logs", 0755);
}

void write_configs(const Place& place, const Herd& herd) {
  const Secrets secrets = load_or_make_secrets(place.dir, place.owner());
  for (const Part* agent : herd.agents()) {
    make_folder(place, herd.path(agent->name), 0700);
    write(place, agent->config, agent_config(herd, *agent, secrets), 0600);
  }
  if (herd.balancer() == BalancerKind::Router) {
    write(place, herd.path("router.yml"), router_config(herd, secrets), 0600);
  } else {
    write(place, herd.path("haproxy.cfg"), haproxy_config(herd, secrets), 0600);
  }
  write(place, herd.path("patronictl.yml"), ctl_config(herd, secrets), 0600);
  write(place, herd.path("pgpass"), pgpass(secrets), 0600);
}

PortPlan ports_of(const Herd& herd) {
  PortPlan plan{.primary = herd.primary_port,
                .standbys = herd.standby_port,
                .statistics = herd.statistics_port,
                .etcd = herd.etcd_port};
  for (const Part& part : herd.parts) {
    if (part.kind == PartKind::Etcd) {
      plan.etcd_client.push_back(part.ports.at("client"));
      plan.etcd_peer.push_back(part.ports.at("peer"));
    } else if (part.kind == PartKind::Agent) {
      plan.rest.push_back(part.ports.at("rest"));
      plan.postgresql.push_back(part.ports.at("pg"));
    }
  }
  return plan;
}

// The ports of a herd that exists stay: etcd's members know each other by them.
PortPlan choose_ports(const HerdOptions& options, const std::optional<Herd>& before) {
  if (!before) return plan_ports(options.port_base, options.nodes);
  const PortPlan kept = ports_of(*before);
  if (options.port_base && *options.port_base != 0 &&
      plan_ports(options.port_base, options.nodes).primary != kept.primary)
    throw LocalError("the herd in " + before->dir + " was made with other ports (primary " +
                     std::to_string(kept.primary) +
                     "); they cannot change: use another --dir, or destroy it first");
  if (static_cast<int>(kept.rest.size()) != options.nodes)
    throw LocalError("the herd in " + before->dir + " has " + std::to_string(kept.rest.size()) +
                     " nodes, not " + std::to_string(options.nodes) +
                     ": use another --dir, or destroy it first");
  return kept;
}

void check_ports(const Herd& herd) {
  std::vector<PortUse> wanted;
  for (const Part& part : herd.parts) {
    if (is_running(part.process)) continue;  // will be adopted
    const bool has_postmaster =
        part.kind == PartKind::Agent && running_postmaster(part.data_dir).has_value();
    for (const auto& [what, port] : part.ports)
      if (what != "pg" || !has_postmaster) wanted.push_back({port, part.name + ", " + what});
  }
  if (const auto taken = describe_taken(wanted); !taken.empty())
    throw LocalError("ports are in use (stop what holds them, or choose others with --port-base):" +
                     taken);
}

Herd prepare(const Place& place, HerdOptions options, Progress& progress) {
  const auto before = load_herd(place.dir);
  if (!options.balancer && before) options.balancer = before->balancer();
  const Programs programs = find_programs(options, place.runner);
  Herd herd = plan_herd(place.dir, options, programs, choose_ports(options, before));
  if (place.runner) herd.user = place.runner->name;
  for (Part& part : herd.parts)
    if (const Part* former = before ? before->find(part.name) : nullptr)
      part.process = former->process;
  check_ports(herd);
  make_place(place);
  write_configs(place, herd);
  save_herd(herd);
  progress.done(fmt::format("configuration in {}", place.dir));
  return herd;
}

void start_supervisor(const Place& place, const std::string& program) {
  asio::io_context loop;
  ProcessSpec spec;
  spec.argv = {program, "local", "supervise", "--dir", place.dir};
  spec.cwd = place.dir;
  spec.own_session = true;
  spec.run_as = place.runner;
  spec.may_set_priorities = true;  // for the guardians
  spec.output_file = place.dir + "/logs/supervisor.log";
  make_folder(place, place.dir + "/logs", 0755);
  auto child = ChildProcess::start(loop.get_executor(), std::move(spec));
  if (!child) throw LocalError("the supervisor cannot be started: " + child.error());
  (*child)->detach();
  std::optional<std::string> ended;
  (*child)->on_end([&](const ProcessEnd& end) { ended = describe(end); });
  const Instant deadline = boottime_now() + 10s;
  while (!running_supervisor(place.dir)) {
    loop.restart();
    loop.run_for(20ms);
    if (ended || boottime_now() > deadline)
      throw LocalError("the supervisor " + ended.value_or("does not get ready") + "; see " +
                       place.dir + "/logs/supervisor.log");
  }
}

// Tells each thing once, when it has come true.
class Watcher {
 public:
  Watcher(std::string dir, Progress& progress) : dir_(std::move(dir)), progress_(progress) {}

  bool is_complete() {
    const auto herd = load_herd(dir_);
    if (!herd) return false;
    tell_ends(*herd);
    if (healthy_etcd_members(*herd) == kEtcdMembers) tell("etcd has a leader and all members");
    const auto members = look_at_members(*herd);
    for (const auto& member : members) {
      if (member.leads) tell(member.name + " is the primary");
      if (member.is_streaming) tell(member.name + " streams");
    }
    const auto balancer = look_at_balancer(*herd, load_secrets(dir_));
    if (!local::is_complete(*herd, members, balancer)) return false;
    const bool is_router = herd->balancer() == BalancerKind::Router;
    tell(std::string(is_router ? "the router" : "HAProxy") +
         " leads to the primary and the standbys");
    return true;
  }

 private:
  void tell(const std::string& what) {
    if (told_.insert(what).second) progress_.done(what);
  }
  void tell_ends(const Herd& herd) {
    for (const Part& part : herd.parts)
      if (part.restarts > 0)
        tell(fmt::format("{} {} ({} times); its log: {}", part.name, part.last_end, part.restarts,
                         part.log));
  }

  std::string dir_;
  Progress& progress_;
  std::set<std::string> told_;
};

int wait_and_show(const std::string& dir, int patience_seconds, Progress& progress) {
  Watcher watcher(dir, progress);
  const Instant deadline = boottime_now() + Seconds(patience_seconds);
  while (!watcher.is_complete()) {
    if (boottime_now() > deadline) {
      show(dir);
      fmt::print(
          "\nThe herd is not complete after {} s. It goes on trying; what hinders it stands "
          "in {}/logs\n",
          patience_seconds, dir);
      return 1;
    }
    std::this_thread::sleep_for(kLookEvery);
  }
  return show(dir) ? 0 : 1;
}

}  // namespace

int up(const HerdOptions& options) {
  Progress progress;
  const Place place = find_place(options);
  if (running_supervisor(place.dir)) {
    fmt::print("The herd in {} runs already.\n", place.dir);
    return wait_and_show(place.dir, options.patience_seconds, progress);
  }
  fmt::print("Starting a herd in {}{}\n", place.dir,
             place.runner ? " as user " + place.runner->name : "");
  const Herd herd = prepare(place, options, progress);
  start_supervisor(place, herd.agents().front()->argv.front());
  progress.done("supervisor started");
  return wait_and_show(place.dir, options.patience_seconds, progress);
}

}  // namespace pgherd::local
