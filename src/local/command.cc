#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <string>

#include "local/actions.h"
#include "local/errors.h"
#include "local/local_command.h"
#include "local/supervise.h"

namespace pgherd::local {
namespace {

struct Wishes {
  HerdOptions herd;
  bool yes = false;
  bool for_reading = false;
  bool for_writing = false;
  bool follow = false;
  bool only_stop = false;
  bool ports_from_system = false;
  int lines = 20;
  std::string part;
};

const std::map<std::string, BalancerKind> kBalancers = {{"haproxy", BalancerKind::Haproxy},
                                                        {"pgherd", BalancerKind::Router}};

CLI::App* add(CLI::App& app, Wishes& wishes, const std::string& name, const std::string& about) {
  CLI::App* command = app.add_subcommand(name, about);
  command->add_option("--dir,--data", wishes.herd.dir,
                      "where the herd lives (default: .herd in the current folder)");
  return command;
}

void add_up_options(CLI::App& up, Wishes& wishes) {
  HerdOptions& herd = wishes.herd;
  up.add_option("--nodes", herd.nodes, "number of PostgreSQL nodes")->capture_default_str();
  up.add_option("--port-base", herd.port_base,
                "moves all ports: P primary, P+1 standbys, P+2 statistics, P+3 etcd proxy, P+4.. "
                "etcd, P+10.. REST, P+30.. PostgreSQL; 0: free ports");
  up.add_flag("--ports-from-system", wishes.ports_from_system, "the same as --port-base 0");
  up.add_option("--ttl", herd.ttl, "seconds (a new herd only)")->capture_default_str();
  up.add_option("--loop-wait", herd.loop_wait, "seconds (a new herd only)")->capture_default_str();
  up.add_option("--retry-timeout", herd.retry_timeout, "seconds (a new herd only)")
      ->capture_default_str();
  up.add_option("--router", herd.balancer,
                "what leads clients to the nodes: haproxy, or pgherd (the router of this program)")
      ->transform(CLI::CheckedTransformer(kBalancers, CLI::ignore_case));
  up.add_option("--user", herd.user, "who runs it, when started by root (default: postgres)");
  up.add_option("--pg", herd.pg_version, "PostgreSQL's version, of several");
  up.add_option("--pg-bindir", herd.pg_bindir, "folder of PostgreSQL's programs");
  up.add_option("--timeout", herd.patience_seconds, "seconds to wait until the herd is complete")
      ->capture_default_str();
}

// What was asked for, to be done once the command line is known to be right.
std::function<int()> chosen(const CLI::App& app, Wishes& wishes) {
  if (app.got_subcommand("up")) return [&] { return up(wishes.herd); };
  if (app.got_subcommand("status")) return [&] { return status(wishes.herd); };
  if (app.got_subcommand("down")) return [&] { return down(wishes.herd); };
  if (app.got_subcommand("dsn")) return [&] { return print_dsn(wishes.herd, wishes.for_reading); };
  if (app.got_subcommand("logs"))
    return [&] { return logs(wishes.herd, wishes.part, wishes.follow, wishes.lines); };
  if (app.got_subcommand("supervise"))
    return [&] { return supervise(find_dir(wishes.herd), wishes.only_stop); };
  return [&] {
    const char* yes = std::getenv("YES");
    return destroy(wishes.herd, wishes.yes || (yes != nullptr && std::string(yes) == "1"));
  };
}

void describe_commands(CLI::App& app, Wishes& wishes) {
  app.require_subcommand(1);
  add_up_options(*add(app, wishes, "up", "start the herd (or show it, if it runs)"), wishes);
  add(app, wishes, "status", "what runs, who leads, how to connect");
  add(app, wishes, "down", "stop the herd, keep its data");
  add(app, wishes, "destroy", "stop the herd and remove its data")
      ->add_flag("--yes,-y", wishes.yes, "do not ask (or YES=1)");
  CLI::App* dsn = add(app, wishes, "dsn", "print a connection string for libpq");
  dsn->add_flag("--read", wishes.for_reading, "to the standbys");
  dsn->add_flag("--write", wishes.for_writing, "to the primary (default)")->excludes("--read");
  CLI::App* logs = add(app, wishes, "logs", "show the logs");
  logs->add_option("part", wishes.part, "pg0, etcd1, router, supervisor... (default: all)");
  logs->add_flag("-f,--follow", wishes.follow, "go on as lines come");
  logs->add_option("-n,--lines", wishes.lines, "lines from the end")->capture_default_str();
  CLI::App* supervise = add(app, wishes, "supervise", "");
  supervise->group("");
  supervise->add_flag("--stop", wishes.only_stop);
}

}  // namespace

int local_main(const std::vector<std::string>& words) {
  CLI::App app(
      "A whole herd on this machine: etcd, proxy, agents with PostgreSQL, HAProxy "
      "or the router",
      "pgherd local");
  Wishes wishes;
  describe_commands(app, wishes);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (wishes.ports_from_system) wishes.herd.port_base = 0;
  try {
    return chosen(app, wishes)();
  } catch (const LocalError& error) {
    fmt::print(stderr, "error: {}\n", error.what());
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: something that was not expected: {}\n", error.what());
  }
  return 1;
}

}  // namespace pgherd::local
