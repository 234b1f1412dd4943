#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "backup/actions.h"
#include "backup/agent_facts.h"
#include "backup/backup_table.h"
#include "backup/errors.h"
#include "backup/pgbackrest.h"
#include "backup/restore_proof.h"
#include "backup/restored_server.h"
#include "backup/scratch.h"
#include "codec/time_values.h"
#include "ctl/errors.h"
#include "ctl/time_text.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"

namespace pgherd::backup {
namespace {

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

// "repo1: restore backup set 20261130-100046F, recovery will start at 2026-11-30 10:00:46".
std::string label_in(std::string_view line) {
  constexpr std::string_view kBefore = "restore backup set ";
  const auto at = line.find(kBefore);
  if (at == line.npos) return "";
  const std::string_view rest = line.substr(at + kBefore.size());
  return std::string(rest.substr(0, rest.find(',')));
}

// As pgBackRest and PostgreSQL both read it.
std::string target_text(WallTime target) {
  const std::string text = format_time(target);  // 2026-08-01T01:00:00.123456+00:00
  return text.substr(0, 10) + " " + text.substr(11, text.size() - 11 - 3);
}

// Up to which segment the archive went when the test began: all of it has to be recovered.
std::string end_of_archive(const Stanza& stanza) {
  const Backup* newest = stanza.newest();
  for (const Archive& archive : stanza.archives)
    if (archive.database == newest->database && archive.repository == newest->repository)
      return archive.last;
  return "";
}

std::string version_of(const Stanza& stanza) {
  const Backup* newest = stanza.newest();
  for (const Database& database : stanza.databases)
    if (database.id == newest->database && database.repository == newest->repository)
      return database.version;
  return "";
}

class Trial {
 public:
  Trial(Children& children, Pgbackrest& pgbackrest, const Stanza& stanza, const Scratch& scratch,
        const ServerPrograms& programs, const RestoreTestOptions& options, RestoreProof& proof)
      : children_(children),
        pgbackrest_(pgbackrest),
        stanza_(stanza),
        scratch_(scratch),
        programs_(programs),
        options_(options),
        proof_(proof) {}

  // Throws BackupError with what is wrong with the backup.
  void run() {
    const Instant began = boottime_now();
    restore();
    say(fmt::format("restored   {} into {}: {:.1f} s", proof_.backup, scratch_.path(),
                    seconds(boottime_now() - began)));
    RestoredServer server(children_, scratch_, programs_);
    server.start();
    server.wait_until_open();
    proof_.rto = boottime_now() - began;
    say(fmt::format(
        "recovered  {}: open after {:.1f} s",
        proof_.target ? "up to " + format_time(*proof_.target) : "to the end of the archive",
        seconds(*proof_.rto)));
    expect_all_of_the_archive(server.last_restored_segment());
    proof_.newest_commit = newest_commit(server);
    check_relations(server);
    ask(server);
  }

 private:
  void restore() {
    std::vector<std::string> words{"--pg1-path=" + scratch_.data(),
                                   "--reset-pg1-host",
                                   "--tablespace-map-all=" + scratch_.tablespaces(),
                                   "--reset-tablespace-map",
                                   "--no-link-all",
                                   "--reset-link-map",
                                   "--reset-recovery-option",
                                   "--no-delta",
                                   "--archive-mode=off"};
    if (proof_.target) {
      words.insert(words.end(), {"--type=time", "--target=" + target_text(*proof_.target),
                                 "--target-action=promote"});
    }
    pgbackrest_.run("restore", words, [this](std::string_view line) {
      if (std::string label = label_in(line); !label.empty()) proof_.backup = std::move(label);
    });
  }

  // A segment that cannot be read ends recovery like one that does not exist: PostgreSQL opens
  // without what came after it and says nothing.
  void expect_all_of_the_archive(const std::string& last_restored) const {
    if (proof_.target) return;
    const std::string end = end_of_archive(stanza_);
    if (end.empty() || last_restored >= end) return;
    throw BackupError(fmt::format(
        "recovery ended {}, and the archive goes on to {}: what lies "
        "between is lost, `pgherd backup verify` names it",
        last_restored.empty() ? "before the first segment of the archive" : "with " + last_restored,
        end));
  }

  [[nodiscard]] NewestCommit newest_commit(RestoredServer& server) const {
    if (auto commit = server.newest_commit()) return std::move(*commit);
    // Not even one since the backup began.
    const Backup* backup = stanza_.find(proof_.backup);
    if (backup == nullptr)
      throw BackupError(
          "it is not known from when its data are: neither a commit was recovered, "
          "nor does the repository have the backup " +
          proof_.backup + " any more");
    return NewestCommit{.at = backup->ended, .source = "the backup's end: none came after it"};
  }

  void check_relations(RestoredServer& server) {
    const Instant began = boottime_now();
    const std::string missing = server.check_relations();
    proof_.relations_are_checked = missing.empty();
    say(missing.empty() ? fmt::format("pg_amcheck found nothing wrong: {:.1f} s",
                                      seconds(boottime_now() - began))
                        : fmt::format("pg_amcheck was NOT run: {}", missing));
  }

  void ask(RestoredServer& server) const {
    const std::string answer = server.ask(options_.query);
    say(fmt::format("query      {}: {}", options_.query, answer.empty() ? "no rows" : answer));
  }

  Children& children_;
  Pgbackrest& pgbackrest_;
  const Stanza& stanza_;
  const Scratch& scratch_;
  const ServerPrograms& programs_;
  const RestoreTestOptions& options_;
  RestoreProof& proof_;
};

// What is not given is taken from the agent's configuration.
void complete(RestoreTestOptions& options) {
  const AgentFacts agent =
      options.agent_config.empty() ? AgentFacts{} : read_agent_facts(options.agent_config);
  const auto take = [](std::string& option, const std::string& agents, const char* otherwise) {
    if (option.empty()) option = agents.empty() ? otherwise : agents;
  };
  take(options.bin_dir, agent.bin_dir, "");
  take(options.user, agent.superuser, "postgres");
  take(options.database, agent.database, "postgres");
  if (!agent.data_dir.empty()) options.spared.insert(agent.data_dir);
}

std::optional<WallTime> target_of(const std::string& text, WallTime now) {
  try {
    const auto target = ctl::read_schedule(text, now);
    return target ? std::optional(target->at) : std::nullopt;
  } catch (const ctl::CtlError& error) {
    throw Refusal(std::string("--target-time: ") + error.what());
  }
}

void expect_that_it_can_begin(const RestoreTestOptions& options, const Stanza& stanza) {
  if (::geteuid() == 0)
    throw Refusal(
        "PostgreSQL does not run as root: become the owner of the data, "
        "`runuser -u postgres -- pgherd backup restore-test ...`");
  if (stanza.newest() == nullptr) {
    const auto problems = problems_of(stanza);
    throw BackupError("there is no backup to restore: " +
                      (problems.empty() ? "`pgherd backup now`" : problems.front()));
  }
  if (options.metrics_file.empty()) return;
  const std::string folder = std::filesystem::absolute(options.metrics_file).parent_path().string();
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw Refusal(
        fmt::format("--metrics-file: no file can be made in {}: create the directory, "
                    "or let this user write there",
                    folder));
}

std::int64_t bytes_of_newest(const Stanza& stanza) {
  return stanza.newest()->size_bytes;
}

void write_metrics(const RestoreProof& proof, const std::string& path) {
  if (path.empty()) return;
  const auto before = read_file(path);
  const auto last = before ? last_proven_in(*before, proof.stanza) : std::nullopt;
  if (const auto written = write_file_atomically(path, metrics_text(proof, last)); !written)
    throw BackupError("the metrics are not those of this test: " + written.error().text);
}

}  // namespace

int restore_test(const CommonOptions& common, RestoreTestOptions options) {
  complete(options);
  Children children(common.patience);
  Pgbackrest pgbackrest(children, common.config_file, common.stanza);
  RestoreProof proof{.stanza = pgbackrest.stanza(), .began = wall_time_now()};
  proof.target = target_of(options.target_time, proof.began);
  options.spared.insert(pgbackrest.config().data_dirs.begin(), pgbackrest.config().data_dirs.end());
  try {
    const Stanza stanza = pgbackrest.info();
    expect_that_it_can_begin(options, stanza);
    const ServerPrograms programs = find_programs(
        children, {.bin_dir = options.bin_dir, .user = options.user, .database = options.database},
        version_of(stanza));
    const Scratch scratch(options.scratch.empty() ? default_scratch(proof.stanza) : options.scratch,
                          options.spared, bytes_of_newest(stanza));
    Trial(children, pgbackrest, stanza, scratch, programs, options, proof).run();
  } catch (const BackupError& error) {
    proof.failure = error.what();
  }
  proof.ended = wall_time_now();
  for (const std::string& line : verdict_lines(proof))
    say(line);
  write_metrics(proof, options.metrics_file);
  return proof.is_proven() ? 0 : 1;
}

}  // namespace pgherd::backup
