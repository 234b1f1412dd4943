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
}

std::function<int()> chosen(const CLI::App& app, Wishes& wishes) {
  if (app.got_subcommand("now")) return [&] { return take_backup(wishes.common, wishes.now); };
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
