// Comparing the local history with a primary's, and pg_rewind (Patroni postgresql/rewind.py).
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "postgres/local/act_context.h"
#include "postgres/local/archiving.h"
#include "postgres/local/config_files.h"
#include "postgres/local/divergence.h"
#include "postgres/local/lost_wal.h"
#include "postgres/local/settings_check.h"
#include "postgres/local/wal_record.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr Duration kConnectLimit = 5s;
constexpr Duration kAnswerLimit = 5s;

struct SourceHistory {
  Timeline timeline;
  std::vector<HistoryRow> rows;
};

const std::string* first_cell(const Result<std::vector<Rows>, QueryError>& answer,
                              std::size_t column) {
  if (!answer || answer->empty() || answer->front().empty()) return nullptr;
  const Row& row = answer->front().front();
  return column < row.size() && row[column] ? &*row[column] : nullptr;
}

std::uint32_t number_in(const std::string* text) {
  std::uint32_t value = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

ConnInfo with_password(ConnInfo info, const Credentials& who) {
  info.set_if_any("password", who.password);
  info.remove("passfile");
  return info;
}

// Histories can be compared as soon as the source is a primary. pg_rewind has to wait until its
// pg_control shows its present timeline, too: it reads that file, and would find "no rewind
// required" on a source that was promoted a moment ago.
enum class SourceIsFor { Comparison, Rewind };

// `has_answered`, if given, becomes whether the source let us in and said anything.
asio::awaitable<Attempt> expect_ready_source(ActContext& context, Upstream source, SourceIsFor use,
                                             bool* has_answered = nullptr) {
  const auto config = context.config;
  const Credentials& who = rewind_login(*config);
  ConnInfo info = with_password(tool_conninfo(*config, who, source, config->database), who);
  info.set("application_name", "pgherd rewind check");
  const std::string sql =
      "select pg_is_in_recovery(), case when pg_is_in_recovery() then 0 else "
      "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end, "
      "(select timeline_id from pg_control_checkpoint())";
  const auto answer = co_await query_once(std::move(info), sql, kConnectLimit, kAnswerLimit);
  if (has_answered != nullptr) *has_answered = answer.has_value();
  if (!answer)
    co_return failed(fmt::format("cannot ask {} ({}:{}) as {}: {}", source.name, source.host,
                                 source.port, who.username, answer.error().text));
  const std::string* in_recovery = first_cell(answer, 0);
  if (in_recovery == nullptr || *in_recovery == "t")
    co_return failed(source.name + " is not a primary yet");
  const auto running = number_in(first_cell(answer, 1));
  const auto written = number_in(first_cell(answer, 2));
  if (use == SourceIsFor::Rewind && running != written)
    co_return failed(
        fmt::format("{} runs on timeline {}, but its last checkpoint is of timeline {}: "
                    "its checkpoint after the promotion is awaited",
                    source.name, running, written));
  co_return Attempt{};
}

// `is_asked_for_role`: fails for a source that is a standby; PostgreSQL 14 and later can say that.
asio::awaitable<Answer<SourceHistory>> read_source_history(ActContext& context, Upstream source,
                                                           bool is_asked_for_role) {
  const auto config = context.config;
  ConnInfo info =
      with_password(tool_conninfo(*config, config->replication, source, ""), config->replication);
  info.set("replication", "1");
  info.set("application_name", "pgherd history");
  PgSession session(context.loop);
  const auto describe_failure = [&](const QueryError& error) {
    return failed(fmt::format("cannot read the history of {} ({}:{}) as {}: {}", source.name,
                              source.host, source.port, config->replication.username, error.text));
  };
  auto connected = co_await session.connect(std::move(info), kConnectLimit);
  if (!connected) co_return describe_failure(connected.error());
  if (is_asked_for_role) {
    const auto standby = co_await session.query("SHOW in_hot_standby", kAnswerLimit);
    if (!standby) co_return describe_failure(standby.error());
    const std::string* is_standby = first_cell(standby, 0);
    if (is_standby == nullptr || *is_standby != "off")
      co_return failed(source.name + " is not a primary yet");
  }
  const auto system = co_await session.query("IDENTIFY_SYSTEM", kAnswerLimit);
  if (!system) co_return describe_failure(system.error());
  SourceHistory history;
  history.timeline = Timeline{number_in(first_cell(system, 1))};
  if (history.timeline.value <= 1) co_return history;
  const auto file = co_await session.query(
      fmt::format("TIMELINE_HISTORY {}", history.timeline.value), kAnswerLimit);
  if (!file) co_return describe_failure(file.error());
  const std::string* content = first_cell(file, 1);
  auto rows = parse_history_file(content != nullptr ? *content : "");
  if (!rows) co_return failed(rows.error());
  history.rows = std::move(*rows);
  co_return history;
}

// Of a running server: what it has replayed, or written if it is a primary.
asio::awaitable<Answer<LocalEnd>> running_end(ActContext& context, ActControl& control) {
  const auto answer = co_await ask_local(
      context, control,
      "select pg_is_in_recovery(), case when pg_is_in_recovery() then pg_last_wal_replay_lsn() "
      "else pg_current_wal_flush_lsn() end",
      3s);
  if (!answer) co_return failed("the local server does not answer: " + answer.error().text);
  const bool in_recovery = *first_cell(answer, 0) == "t";
  const std::string* position = first_cell(answer, 1);
  LocalEnd end;
  end.kind = in_recovery ? LocalEnd::Kind::Standby : LocalEnd::Kind::OpenPrimary;
  end.position = position != nullptr ? parse_lsn(*position).value_or(Lsn{}) : Lsn{};
  const PostmasterPid* file = context.postmaster->file();
  ConnInfo info =
      local_conninfo(*context.config, LocalLogin::Replication, file ? file->socket_dir : "");
  info.set("application_name", "pgherd timeline");
  const auto system = co_await query_once(std::move(info), "IDENTIFY_SYSTEM", 3s, 3s);
  end.timeline = Timeline{number_in(first_cell(system, 1))};
  if (end.timeline.is_known()) co_return end;
  co_return failed("cannot read the local timeline through a replication connection: " +
                   (system ? std::string("no answer") : system.error().text));
}

// Of a copy that was never started, PostgreSQL goes by backup_label, whatever pg_control says: that
// is as it was at some moment of the backup, and pgBackRest writes a position into it that cannot
// be used. What is recovered beyond the WAL that came with the copy comes from where histories are
// known.
std::optional<LocalEnd> end_of_backup(const std::string& data_dir, const PgControl& control) {
  const auto label = read_file(data_dir + "/backup_label");
  const auto start = label ? parse_backup_label(*label) : std::nullopt;
  if (!start) return std::nullopt;
  const auto own_wal = end_of_last_segment(data_dir, start->timeline, control.wal_segment_bytes);
  return LocalEnd{.kind = LocalEnd::Kind::Backup,
                  .timeline = start->timeline,
                  .position = std::max(start->checkpoint, own_wal.value_or(Lsn{}))};
}

// Of a stopped server, by its pg_control.
Answer<LocalEnd> stopped_end(const std::string& data_dir) {
  const auto read = read_pg_control(data_dir);
  if (!read) return failed(read.error().text);
  const ControlData& control = read->data;
  LocalEnd end{.kind = LocalEnd::Kind::OpenPrimary,
               .timeline = control.timeline,
               .position = control.checkpoint};
  switch (control.state) {
    case ControlState::ShutDownInRecovery:
    case ControlState::InArchiveRecovery:
      // Without a minimum it was a primary that ended while it recovered from a crash.
      if (!control.minimum_recovery_end.is_known()) break;
      end.kind = LocalEnd::Kind::Standby;
      end.timeline = std::max(control.minimum_recovery_timeline, control.timeline);
      end.position = control.minimum_recovery_end;
      return end;
    case ControlState::ShutDown:
      break;
    default:
      return end_of_backup(data_dir, *read).value_or(end);
  }
  const auto record_end = end_of_shutdown_checkpoint(data_dir, control.timeline, control.checkpoint,
                                                     read->wal_segment_bytes);
  if (record_end) {
    end.kind = LocalEnd::Kind::ShutDownPrimary;
    end.position = *record_end;
    return end;
  }
  // Its own checkpoint is gone from pg_wal: it cannot start, so let it be rewound.
  if (record_end.error().is_missing) return end;
  return failed(record_end.error().text);
}

asio::awaitable<Answer<LocalEnd>> local_end(ActContext& context, ActControl& control) {
  switch (context.postmaster->look()) {
    case ProcessState::Running:
      co_return co_await running_end(context, control);
    case ProcessState::Stopped:
    case ProcessState::Starting:  // a standby that waits for its source: as it last stopped
      co_return stopped_end(context.config->data_dir);
    default:
      co_return failed("PostgreSQL is stopping");
  }
}

asio::awaitable<Answer<HistoryVerdict>> examine(ActContext& context, ActControl& control,
                                                Upstream source, Timeline& source_timeline) {
  // Where superusers come by the socket only (Debian's default) nobody but the replication user is
  // let in from here. That is enough to compare; what has diverged cannot be rewound then.
  bool has_answered = false;
  const auto ready =
      co_await expect_ready_source(context, source, SourceIsFor::Comparison, &has_answered);
  if (!ready && has_answered) co_return tl::unexpected(ready.error());
  if (control.is_cancelled) co_return cancelled();
  const auto history = co_await read_source_history(context, source, !has_answered);
  if (!history) co_return tl::unexpected(ready ? history.error() : ready.error());
  source_timeline = history->timeline;
  if (control.is_cancelled) co_return cancelled();
  const auto end = co_await local_end(context, control);
  if (!end) co_return tl::unexpected(end.error());
  HistoryVerdict verdict = compare_histories(*end, history->timeline, history->rows);
  co_return verdict;
}

// ---- pg_rewind

// pg_rewind copies every file that is no relation from the source: its configuration too.
class KeptFiles {
 public:
  explicit KeptFiles(const PostgresConfig& config) : data_dir_(config.data_dir) {
    std::vector<std::string> names = config_file_names(config);
    names.emplace_back("postgresql.auto.conf");
    for (const std::string& name : names)
      if (auto text = read_file(data_dir_ + "/" + name)) files_[name] = std::move(*text);
  }
  [[nodiscard]] Attempt put_back() const {
    for (const auto& [name, text] : files_) {
      const auto present = read_file(data_dir_ + "/" + name);
      if (present && *present == text) continue;
      if (auto written = write_file_atomically(data_dir_ + "/" + name, text, 0600); !written)
        return failed(written.error().text);
    }
    return {};
  }

 private:
  std::string data_dir_;
  std::map<std::string, std::string> files_;
};

constexpr std::array<std::string_view, 10> kForbiddenRewind{"target-pgdata", "source-pgdata",
                                                            "source-server", "write-recovery-conf",
                                                            "dry-run",       "restore-target-wal",
                                                            "config-file",   "no-ensure-shutdown",
                                                            "version",       "help"};

void add_rewind_options(const OptionList& options, std::vector<std::string>& argv) {
  for (const auto& [name, value] : options) {
    if (std::find(kForbiddenRewind.begin(), kForbiddenRewind.end(), name) !=
        kForbiddenRewind.end()) {
      log_error("postgresql.rewind: the option {} is left out, pgherd sets it or cannot use it",
                name);
      continue;
    }
    argv.push_back(value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  }
}

ProcessSpec rewind_spec(const ActContext& context, const PostgresConfig& config,
                        const Upstream& source, bool can_restore) {
  constexpr int kFirstWithConfigFile = 15;
  ConnInfo info = tool_conninfo(config, rewind_login(config), source, config.database);
  info.set("application_name", context.self);
  ProcessSpec spec;
  spec.argv = {context.program("pg_rewind"), "--progress", "--target-pgdata=" + config.data_dir,
               "--source-server=" + info.to_string()};
  if (context.known_major >= kFirstWithConfigFile &&
      conf_path_of(config) != config.data_dir + "/postgresql.conf")
    spec.argv.push_back("--config-file=" + conf_path_of(config));
  if (can_restore) spec.argv.emplace_back("--restore-target-wal");
  add_rewind_options(config.rewind_options, spec.argv);
  spec.env = {{"PGOPTIONS", "-c statement_timeout=0"}, {"LC_ALL", "C"}};
  if (std::string file = passfile_of(config, rewind_login(config)); !file.empty())
    spec.env.emplace_back("PGPASSFILE", std::move(file));
  return spec;
}

// The lines worth keeping of what pg_rewind says.
std::string summary_of(const ProcessEnd& end) {
  std::string kept;
  std::string_view rest = end.err.empty() ? std::string_view(end.out) : std::string_view(end.err);
  while (!rest.empty()) {
    const auto stop = rest.find('\n');
    std::string_view line = rest.substr(0, stop);
    rest = stop == rest.npos ? std::string_view{} : rest.substr(stop + 1);
    if (line.find("diverged") == line.npos && line.find("rewinding") == line.npos &&
        line.find("no rewind") == line.npos)
      continue;
    constexpr std::string_view kWho = "pg_rewind: ";
    if (line.starts_with(kWho)) line.remove_prefix(kWho.size());
    kept += (kept.empty() ? "" : "; ") + std::string(line);
  }
  return kept;
}

// Whether pg_rewind got as far as changing files. With --progress it tells how much it is going to
// copy just before the first change, and then how far it is.
bool may_have_changed_files(const ProcessEnd& end) {
  return end.err.find("need to copy") != end.err.npos || end.err.find(" kB (") != end.err.npos ||
         end.err.size() >= ProcessSpec{}.tail_bytes_max;
}

asio::awaitable<Answer<ProcessEnd>> run_rewind(ActContext& context, ActControl& control,
                                               Upstream source) {
  const auto config = context.config;
  if (auto written = write_pgpass(*config, source); !written)
    co_return tl::unexpected(written.error());
  // It runs the server in single-user mode to repair a crash: that reads our files, and refuses to
  // run with standby.signal.
  const auto prepared = co_await prepare_files(context, control, source);
  if (!prepared) co_return tl::unexpected(prepared.error());
  const bool can_restore = !(co_await setting_of(context, control, "restore_command")).empty();
  const KeptFiles kept(*config);
  if (auto removed = set_standby_signal(config->data_dir, false); !removed)
    co_return tl::unexpected(removed.error());
  if (auto marked = mark_rewinding(config->data_dir); !marked)
    co_return tl::unexpected(marked.error());
  ProcessEnd how_it_ended;
  ProcessSpec spec = rewind_spec(context, *config, source, can_restore);
  auto end = co_await run_tool(context, control, std::move(spec), {}, &how_it_ended);
  if (end || !may_have_changed_files(how_it_ended))
    if (auto unmarked = mark_rewound(config->data_dir); !unmarked)
      co_return tl::unexpected(unmarked.error());
  // Whatever came of it: what starts here next is a standby.
  if (auto put = set_standby_signal(config->data_dir, true); !put)
    co_return tl::unexpected(put.error());
  if (auto put = kept.put_back(); !put) co_return tl::unexpected(put.error());
  co_return end;
}

}  // namespace

Act act_examine(ActContext& context, ActControl& control, ExamineDivergence step,
                DivergenceSeen& seen) {
  seen.source = step.source.name;
  const auto verdict = co_await examine(context, control, step.source, seen.source_timeline);
  seen.seen_at = boottime_now();
  if (!verdict && verdict.error().outcome == ActOutcome::Cancelled) co_return cancelled();
  // That it cannot be told is an answer, too.
  seen.verdict = verdict ? verdict->verdict : Divergence::Unknown;
  seen.detail = verdict ? verdict->detail : verdict.error().text;
  if (verdict) context.fork = verdict->fork;
  if (verdict && verdict->fork && context.postmaster->look() == ProcessState::Stopped) {
    const auto lost = co_await count_lost_wal(context, control, *verdict->fork);
    if (lost) seen.detail += "; here only: " + describe(*lost);
  }
  co_return seen.detail;
}

Act act_rewind(ActContext& context, ActControl& control, Rewind step) {
  const auto config = context.config;
  if (context.postmaster->look() != ProcessState::Stopped) {
    // With before_stop and on_stop, as whenever PostgreSQL is stopped.
    const Stop stop{.mode = StopMode::Fast};
    if (auto stopped = co_await act_stop(context, control, stop, nullptr); !stopped)
      co_return tl::unexpected(stopped.error());
  }
  if (auto cleared = co_await context.postmaster->kill_leftovers(); !cleared)
    co_return tl::unexpected(cleared.error());
  const auto control_file = read_pg_control(config->data_dir);
  if (!control_file) co_return failed(control_file.error().text);
  if (!control_file->data.can_be_rewound)
    co_return failed(
        "pg_rewind needs wal_log_hints = on or data checksums, and this cluster has had "
        "neither: make a fresh copy instead");
  if (auto ready = co_await expect_ready_source(context, step.source, SourceIsFor::Rewind); !ready)
    co_return tl::unexpected(ready.error());
  co_await archive_ready_segments(context, control);
  std::string kept = "is gone";
  if (context.fork) kept = co_await keep_lost_wal(context, control, *context.fork);
  const auto end = co_await run_rewind(context, control, step.source);
  if (!end) co_return tl::unexpected(end.error());
  context.fork.reset();
  const std::string summary = summary_of(*end);
  co_return fmt::format("rewound to {}: {}; what was here only {}", step.source.name,
                        summary.empty() ? "done" : summary, kept);
}

}  // namespace pgherd
