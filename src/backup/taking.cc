#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <set>

#include "backup/actions.h"
#include "backup/agent_facts.h"
#include "backup/backup_table.h"
#include "backup/errors.h"
#include "backup/pgbackrest.h"

namespace pgherd::backup {
namespace {

constexpr std::int64_t kSecond = 1000000;  // of a WallTime

// A repository that keeps each backup has no label twice.
using Labels = std::set<std::pair<int, std::string>>;

Labels labels_of(const Stanza& stanza) {
  Labels labels;
  for (const Backup& backup : stanza.backups)
    labels.emplace(backup.repository, backup.label);
  return labels;
}

const Backup* newest_not_in(const Labels& before, const Stanza& stanza) {
  const Backup* found = nullptr;
  for (const Backup& backup : stanza.backups)
    if (!before.contains({backup.repository, backup.label})) found = &backup;
  return found;
}

void tell(const Backup& backup, const std::string& asked_for) {
  fmt::print("{} backup {} of {}, {} in repository {}, took {}\n", backup.type, backup.label,
             size_text(backup.size_bytes), size_text(backup.repository_bytes), backup.repository,
             duration_text((backup.ended.microseconds - backup.began.microseconds) / kSecond));
  if (!asked_for.empty() && backup.type != asked_for)
    fmt::print("it is a {} one and no {}: there was none that it could build on\n", backup.type,
               asked_for);
}

// Two instances on one host, and the wrong file: better found before the backup than in a restore.
void expect_data_dir_of(const std::string& agent_config, const Pgbackrest& pgbackrest) {
  if (agent_config.empty()) return;
  const AgentFacts agent = read_agent_facts(agent_config);
  const auto& known = pgbackrest.config().data_dirs;
  if (agent.data_dir.empty() || known.contains(agent.data_dir)) return;
  throw Refusal(
      fmt::format("{} has postgresql.data_dir {}, and the configuration of pgBackRest has "
                  "{} as pg1-path: correct one of them, or leave -c away",
                  agent_config, agent.data_dir, fmt::join(known, ", ")));
}

}  // namespace

int take_backup(const CommonOptions& common, const NowOptions& options) {
  Children children(common.patience);
  Pgbackrest pgbackrest(children, common.config_file, common.stanza);
  expect_data_dir_of(options.agent_config, pgbackrest);
  const Labels before = labels_of(pgbackrest.info());
  std::vector<std::string> words;
  if (!options.type.empty()) words.push_back("--type=" + options.type);
  pgbackrest.run("backup", words,
                 [](std::string_view line) { fmt::print(stderr, "pgbackrest: {}\n", line); });
  const Stanza after = pgbackrest.info();
  const Backup* made = newest_not_in(before, after);
  if (made == nullptr)
    throw BackupError(
        "pgbackrest backup ended well, and its repository has no new backup of "
        "stanza " +
        after.name + ": `pgherd backup list` shows what there is");
  tell(*made, options.type);
  if (!made->has_error) return 0;
  throw BackupError(problems_of(after).front());
}

}  // namespace pgherd::backup
