#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <string>

#include "backup/actions.h"
#include "backup/backup_command.h"
#include "backup/errors.h"
#include "ctl/errors.h"

namespace pgherd::backup {
namespace {

constexpr int kWrongWords = 2;

struct Wishes {
  CommonOptions common;
  std::int64_t timeout_seconds = 86400;
  NowOptions now;
  ctl::Format format = ctl::Format::Pretty;
  RestoreTestOptions restore;
};

const std::map<std::string, ctl::Format> kFormats = {{"pretty", ctl::Format::Pretty},
                                                     {"json", ctl::Format::Json},
                                                     {"yaml", ctl::Format::Yaml},
                                                     {"tsv", ctl::Format::Tsv}};

CLI::App* add(CLI::App& app, Wishes& wishes, const std::string& name, const std::string& about) {
  CLI::App* command = app.add_subcommand(name, about);
  command->add_option("--stanza", wishes.common.stanza,
                      "the stanza; not needed where pgBackRest's configuration has only one");
  command->add_option("--config", wishes.common.config_file,
                      "pgBackRest's configuration (default: where pgBackRest looks itself)");
  command
      ->add_option("--timeout", wishes.timeout_seconds,
                   "seconds after which what still runs is ended and the command fails")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  return command;
}

void add_restore_test(CLI::App& app, Wishes& wishes) {
  RestoreTestOptions& options = wishes.restore;
  CLI::App* test =
      add(app, wishes, "restore-test",
          "restore the newest backup beside everything else, open it, check it, remove it again");
  test->add_option("--target-time", options.target_time,
                   "as of this moment, not all there is: \"2026-11-30 10:00+00\"");
  test->add_option("--scratch", options.scratch,
                   "where, a directory that is new or empty (default: "
                   "pgherd-restore-test-STANZA in $TMPDIR or /var/tmp)");
  test->add_option("--query", options.query, "what the restored database must be able to answer")
      ->capture_default_str();
  test->add_option("--metrics-file", options.metrics_file,
                   "the result for node_exporter's textfile collector, NAME.prom");
  test->add_option("-c,--agent-config", options.agent_config,
                   "the agent's configuration: programs, superuser and database of its PostgreSQL");
  test->add_option("--pg-bindir", options.bin_dir,
                   "folder of PostgreSQL's programs (default: of -c, Debian's place, PATH)");
  test->add_option("--user", options.user, "who logs in (default: the superuser of -c, postgres)");
  test->add_option("--dbname", options.database,
                   "database of the query (default: that of -c, postgres)");
}

void describe_commands(CLI::App& app, Wishes& wishes) {
  app.require_subcommand(1);
  CLI::App* now = add(app, wishes, "now", "take a backup, here and now: on the primary's node");
  now->add_option("-c,--agent-config", wishes.now.agent_config,
                  "the agent's configuration: its data directory has to be the stanza's");
  now->add_option("--type", wishes.now.type,
                  "full, diff or incr (default: what pgBackRest is configured for)")
      ->check(CLI::IsMember({"full", "diff", "incr"}));
  add(app, wishes, "list",
      "the backups there are; exit status 1: the newest or the archive is in error")
      ->add_option("-f,--format", wishes.format, "pretty, json, yaml or tsv")
      ->transform(CLI::CheckedTransformer(kFormats, CLI::ignore_case));
  add(app, wishes, "verify",
      "read all of the repository: files that are damaged, and write-ahead log that is missing");
  add_restore_test(app, wishes);
}

std::function<int()> chosen(const CLI::App& app, Wishes& wishes) {
  if (app.got_subcommand("now")) return [&] { return take_backup(wishes.common, wishes.now); };
  if (app.got_subcommand("restore-test"))
    return [&] { return restore_test(wishes.common, wishes.restore); };
  if (app.got_subcommand("list")) return [&] { return list_backups(wishes.common, wishes.format); };
  return [&] { return verify_backups(wishes.common); };
}

int carry_out(const std::function<int()>& action) {
  try {
    return action();
  } catch (const Refusal& refusal) {
    fmt::print(stderr, "refused: {}\n", refusal.what());
    return kWrongWords;
  } catch (const Interrupted& interrupted) {
    fmt::print(stderr, "error: {}\n", interrupted.what());
    return 128 + interrupted.signal;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}

}  // namespace

int backup_main(const std::vector<std::string>& words) {
  CLI::App app("Backups with pgBackRest, taken and proven", "pgherd backup");
  Wishes wishes;
  describe_commands(app, wishes);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongWords;
  }
  wishes.common.patience = Seconds(wishes.timeout_seconds);
  return carry_out(chosen(app, wishes));
}

}  // namespace pgherd::backup
