#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <iostream>

#include "backup/errors.h"
#include "ctl/cluster_access.h"
#include "ctl/errors.h"
#include "drill/actions.h"
#include "drill/drill_command.h"
#include "drill/errors.h"

namespace pgherd::drill {
namespace {

constexpr int kWrongWords = 2;

struct Wishes {
  ctl::ClusterAccess access;
  DrillOptions options;
  double max_outage = 0;
  std::int64_t patience = 120;
  std::int64_t hold = 0;
  backup::CommonOptions backup;
  backup::RestoreTestOptions restore;
};

CLI::App* add(CLI::App& app, Wishes& wishes, const std::string& name, const std::string& about) {
  CLI::App* drill = app.add_subcommand(name, about);
  drill->add_option("CLUSTER", wishes.options.cluster, "its name, as `scope` in the configurations")
      ->required();
  drill
      ->add_option("-c,--config-file", wishes.access.config_file,
                   "an agent's configuration: the store, the REST API's login and the superuser's")
      ->type_name("FILE");
  drill->add_flag("-k,--insecure", wishes.access.is_insecure,
                  "do not verify the certificates of the members' REST API");
  drill->add_flag("--force", wishes.options.force, "ask nothing");
  return drill;
}

// Of the drills in which a client writes.
void add_client_options(CLI::App* drill, Wishes& wishes) {
  drill
      ->add_option(
          "--dsn", wishes.options.dsn,
          "where clients connect to write, as the drill's own client will (default: at the "
          "members)")
      ->type_name("CONNINFO");
  drill
      ->add_option("--max-outage", wishes.max_outage,
                   "seconds without a primary that pass (default: the cluster's ttl)")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  drill
      ->add_option("--patience", wishes.patience,
                   "seconds after which the cluster must be whole again")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS")
      ->capture_default_str();
  drill
      ->add_option_function<std::string>(
          "-f,--format",
          [&wishes](const std::string& format) { wishes.options.as_json = format == "json"; },
          "of the report: pretty or json")
      ->check(CLI::IsMember({"pretty", "json"}))
      ->type_name("FORMAT");
  drill
      ->add_option("--metrics-file", wishes.options.metrics_file,
                   "the result for node_exporter's textfile collector, NAME.prom")
      ->type_name("FILE");
}

void add_hold(CLI::App* drill, Wishes& wishes, const std::string& about) {
  drill->add_option("--hold", wishes.hold, about)->check(CLI::PositiveNumber)->type_name("SECONDS");
}

void add_restore(CLI::App& app, Wishes& wishes) {
  CLI::App* drill = add(app, wishes, "restore",
                        "restore the newest backup on this machine, beside everything else, and "
                        "prove it (as `pgherd backup restore-test`)");
  drill->add_option("--stanza", wishes.backup.stanza,
                    "the stanza; not needed where pgBackRest's configuration has only one");
  drill->add_option("--config", wishes.backup.config_file,
                    "pgBackRest's configuration (default: where pgBackRest looks itself)");
  drill->add_option("--target-time", wishes.restore.target_time,
                    "as of this moment, not all there is: \"2026-11-30 10:00+00\"");
  drill->add_option("--scratch", wishes.restore.scratch,
                    "where, a directory that is new or empty (default: "
                    "pgherd-restore-test-STANZA in $TMPDIR or /var/tmp)");
  drill->add_option("--metrics-file", wishes.restore.metrics_file,
                    "the result for node_exporter's textfile collector, NAME.prom");
}

void describe_drills(CLI::App& app, Wishes& wishes) {
  app.require_subcommand(1);
  app.footer(
      "A drill begins where `pgherd ctl doctor` finds no problem, asks, does what its name says, "
      "and\n"
      "reports what a client saw. Exit status: 0 passed, 1 failed, 2 refused before anything was "
      "done.");
  add_client_options(
      add(app, wishes, "failover", "kill PostgreSQL of the leader: another member has to lead"),
      wishes);
  CLI::App* exhaustion =
      add(app, wishes, "exhaustion",
          "take all connections of the leader: it has to go on leading, and its clients working");
  add_client_options(exhaustion, wishes);
  add_hold(exhaustion, wishes, "seconds for which they are taken (default: 15)");
  CLI::App* partition = add(
      app, wishes, "partition",
      "cut the leader off from the store and all other hosts: another member has to lead (on its "
      "host, as root, with nftables)");
  add_client_options(partition, wishes);
  add_hold(partition, wishes, "seconds for which it is cut off (default: twice the ttl, and 5)");
  add_restore(app, wishes);
}

int carry_out(const CLI::App& app, const Wishes& wishes, const Drilled& drilled) {
  if (app.got_subcommand("failover")) return drill_failover(drilled);
  if (app.got_subcommand("partition")) return drill_partition(drilled);
  if (app.got_subcommand("exhaustion")) return drill_exhaustion(drilled);
  backup::RestoreTestOptions restore = wishes.restore;
  restore.agent_config = wishes.access.config_file.value_or("");
  return drill_restore(drilled, wishes.backup, restore);
}

int ended(ctl::Console& console, const std::function<int()>& act) {
  try {
    return act();
  } catch (const Refusal& refusal) {
    console.complain(fmt::format("refused: {}", refusal.what()));
    return kWrongWords;
  } catch (const backup::Refusal& refusal) {
    console.complain(fmt::format("refused: {}", refusal.what()));
    return kWrongWords;
  } catch (const ctl::Aborted&) {
    console.complain("refused: not confirmed (--force asks nothing)");
    return kWrongWords;
  } catch (const Interrupted& interrupted) {
    console.complain(fmt::format("error: {}", interrupted.what()));
    return 128 + interrupted.signal;
  } catch (const backup::Interrupted& interrupted) {
    console.complain(fmt::format("error: {}", interrupted.what()));
    return 128 + interrupted.signal;
  } catch (const std::exception& error) {
    console.complain(fmt::format("error: {}", error.what()));
    return 1;
  }
}

}  // namespace

int drill_main(const std::vector<std::string>& words) {
  CLI::App app("Drills: what an outage would do, tried while somebody looks", "pgherd drill");
  Wishes wishes;
  describe_drills(app, wishes);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongWords;
  }
  if (wishes.max_outage > 0)
    wishes.options.max_outage = Milliseconds(static_cast<std::int64_t>(wishes.max_outage * 1000));
  wishes.options.patience = Seconds(wishes.patience);
  if (wishes.hold > 0) wishes.options.hold = Seconds(wishes.hold);
  const ctl::Terminals terminals{.in = isatty(STDIN_FILENO) == 1,
                                 .out = isatty(STDOUT_FILENO) == 1};
  ctl::Console console(std::cin, std::cout, std::cerr, terminals);
  return ended(console, [&] {
    return ctl::with_cluster(
        console, wishes.access, [&](ctl::CtlContext& context, const AgentConfig& config) {
          return carry_out(
              app, wishes,
              Drilled{.context = context, .config = config, .options = wishes.options});
        });
  });
}

}  // namespace pgherd::drill
