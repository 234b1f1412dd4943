#include "postgres/local/lookout.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <csignal>

#include "codec/time_values.h"
#include "postgres/local/divergence.h"
#include "postgres/local/monitor.h"
#include "postgres/local/overridden_settings.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr Duration kLookLimit = 2500ms;
constexpr Duration kConnectLimit = 2s;
constexpr Duration kReplicationLimit = 500ms;
constexpr Duration kWrittenSettingsLimit = 500ms;
constexpr Duration kReplicationPause = 30s;  // after a refusal

// An agent that was killed while it made a cluster leaves the server that it had started for itself
// alone. What has no worth may not run, and it would keep the directory from being emptied.
void end_server_of_unfinished(const ActContext& context) {
  if (context.postmaster->look() == ProcessState::Stopped) return;
  log_warning("PostgreSQL runs in {}, which was not finished: it is stopped at once",
              context.config->data_dir);
  if (!context.postmaster->signal(SIGQUIT))
    log_warning("process {} is not ours to stop", context.postmaster->pid());
}

void see_directory(const ActContext& context, InstanceView& view) {
  if (context.copy) {
    view.copy = context.copy->progress;
    view.copy->seconds = (view.seen_at - context.copy->began) / 1s;
  }
  view.diverged = context.diverged;
  if (context.is_filling_directory) {
    view.data_directory = DataDirectory::Missing;
    return;
  }
  const DirectoryLook look = context.look_at_directory();
  if (look.is_ours_unfinished) end_server_of_unfinished(context);
  if (look.is_ours_unfinished && begins_with_what_is_there(*context.config)) {
    view.data_directory = DataDirectory::Missing;
    return;
  }
  view.data_directory = look.state;
  view.data_directory_problem = look.problem;
  view.has_standby_signal = look.has_standby_signal;
  view.has_recovery_signal = look.has_recovery_signal;
  if (look.control) view.control = look.control->data;
}

// "" when it cannot be told.
std::string time_of_change(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  const std::int64_t seconds = status.st_mtim.tv_sec;
  return format_time(WallTime{seconds * 1'000'000 + status.st_mtim.tv_nsec / 1000});
}

}  // namespace

Lookout::Lookout(ActContext& context)
    : context_(context), session_(context.loop), replication_(context.loop) {}

asio::awaitable<InstanceView> Lookout::look() {
  InstanceView view;
  view.seen_at = boottime_now();
  const Instant deadline = view.seen_at + kLookLimit;
  see_directory(context_, view);
  view.process = context_.postmaster->look();
  if (context_.is_server_private && view.process == ProcessState::Running)
    view.process = ProcessState::Starting;
  view.postmaster_pid = context_.postmaster->pid();
  if (view.process != ProcessState::Running || view.postmaster_pid != last_.postmaster_pid) {
    session_.close();
    replication_.close();
  }
  if (view.process == ProcessState::Running) {
    const auto problem = co_await ask(view, deadline);
    if (problem)
      fall_back(view, *problem);
    else
      told_problem_.clear();
    if (!problem) see_sync_names(view);
    // After a start or a promotion everybody waits for this look.
    const bool is_news =
        view.postmaster_pid != last_.postmaster_pid || view.in_recovery != last_.in_recovery;
    if (!problem && !is_news) {
      co_await tell_overridden(deadline);
      co_await tell_certificates(deadline);
    }
    if (!problem && *view.in_recovery) {
      co_await find_standby_timeline(view, deadline);
    } else if (!problem) {
      replication_.close();
    }
    // It may have ended while it was asked.
    if (problem && context_.postmaster->look() == ProcessState::Stopped) {
      InstanceView ended;
      ended.seen_at = boottime_now();
      ended.process = ProcessState::Stopped;
      see_directory(context_, ended);
      view = ended;
    }
  }
  read_history(view);
  last_ = view;
  co_return view;
}

asio::awaitable<std::optional<QueryError>> Lookout::ask(InstanceView& view, Instant deadline) {
  const PostmasterPid* file = context_.postmaster->file();
  ConnInfo info =
      local_conninfo(*context_.config, LocalLogin::Superuser, file ? file->socket_dir : "");
  info.set("application_name", "pgherd heartbeat");
  info.set("options", "-c statement_timeout=2000 -c search_path=pg_catalog");
  // Another password or address: the old connection proves nothing any more.
  if (session_goes_to_ != info) session_.close();
  // A kept connection may have been broken from the other side: then once more with a new one.
  for (int tries = 0; tries < 2; ++tries) {
    const bool was_open = session_.is_open();
    if (!was_open) {
      session_goes_to_ = info;
      auto connected = co_await session_.connect(
          info, std::min<Duration>(kConnectLimit, deadline - boottime_now()));
      if (!connected) co_return connected.error();
    }
    auto answer = co_await session_.query(monitoring_query(), deadline - boottime_now());
    if (answer && read_monitoring(*answer, context_.wanted, view)) {
      files_read_at_ = files_read_at(*answer);
      co_return std::nullopt;
    }
    if (answer)
      co_return QueryError{.kind = QueryErrorKind::Refused,
                           .text = "the monitoring query has another shape than expected"};
    if (!was_open || answer.error().kind != QueryErrorKind::Lost) co_return answer.error();
  }
  co_return QueryError{.kind = QueryErrorKind::Lost, .text = "the connection broke twice"};
}

void Lookout::see_sync_names(InstanceView& view) {
  view.sync_names_are_ours = sync_names_of(context_).has_value();
  const ActContext::InForce& known = context_.in_force;
  view.sync_names_are_in_force =
      known.pid == view.postmaster_pid && known.pid != 0 && known.text == view.sync_names;
  if (view.sync_names_are_in_force) view.sync_names_since = known.since;
}

// Without an answer the process is known to be there, the role is what it was: a slow query is no
// reason to take a primary for something else, and an unknown one is no standby.
void Lookout::fall_back(InstanceView& view, const QueryError& error) {
  tell_problem(error);
  if (error.kind == QueryErrorKind::NotNow && error.sqlstate != "53300") {
    view.process = error.sqlstate == "57P01" ? ProcessState::Stopping : ProcessState::Starting;
    return;
  }
  const bool is_same_server =
      view.postmaster_pid == last_.postmaster_pid && last_.in_recovery.has_value();
  InstanceView stale = is_same_server ? last_ : view;
  stale.seen_at = view.seen_at;
  stale.data_directory = view.data_directory;
  stale.data_directory_problem = view.data_directory_problem;
  stale.control = view.control;
  stale.has_standby_signal = view.has_standby_signal;
  stale.has_recovery_signal = view.has_recovery_signal;
  stale.process = view.process;
  stale.postmaster_pid = view.postmaster_pid;
  stale.role_is_stale = true;
  // pg_control knows the role of a running server even when nobody gets in to ask.
  if (view.control && view.control->state == ControlState::InProduction) stale.in_recovery = false;
  if (view.control && view.control->state == ControlState::InArchiveRecovery)
    stale.in_recovery = true;
  view = std::move(stale);
}

void Lookout::tell_problem(const QueryError& error) {
  if (told_problem_ == error.text) return;
  told_problem_ = error.text;
  log_warning("PostgreSQL runs, but the monitoring query failed: {}", error.text);
  if (error.kind == QueryErrorKind::Denied)
    log_error(
        "pgherd cannot log in to the local PostgreSQL as '{}': check "
        "postgresql.authentication.superuser and the local lines of pg_hba.conf",
        context_.config->superuser.username);
}

// Settings of included files that the agent overrides are looked for after each time that the files
// were read, whoever asked for it, and told once as long as they stay the same.
asio::awaitable<void> Lookout::tell_overridden(Instant deadline) {
  // Nothing was written yet by this agent: what it will set is not known.
  if (context_.wanted.empty()) co_return;
  if (overridden_seen_at_ == files_read_at_ && overridden_by_ == context_.wanted) co_return;
  const ParameterMap wanted = context_.wanted;
  // Whatever comes of it: a look at the server must not be slowed down by this again and again.
  overridden_seen_at_ = files_read_at_;
  overridden_by_ = wanted;
  const Instant limit = std::min(deadline, boottime_now() + kWrittenSettingsLimit);
  const auto answer = co_await session_.query(written_settings_query(), limit - boottime_now());
  if (!answer || answer->size() != 1) co_return;
  auto lines = overridden_settings(answer->front(), wanted, *context_.config);
  for (const std::string& line : lines) {
    const bool was_told =
        std::find(told_overridden_.begin(), told_overridden_.end(), line) != told_overridden_.end();
    if (!was_told) log_warning("{}", line);
  }
  told_overridden_ = std::move(lines);
}

// Asked after each time that the files were read, as tell_overridden does; a failure is tried again
// at the next reading.
asio::awaitable<void> Lookout::tell_certificates(Instant deadline) {
  if (!context_.options.on_certificates || certificates_seen_at_ == files_read_at_) co_return;
  certificates_seen_at_ = files_read_at_;
  const Instant limit = std::min(deadline, boottime_now() + kWrittenSettingsLimit);
  const auto answer = co_await session_.query(
      "select current_setting(name) from unnest(array['ssl', 'ssl_cert_file', 'ssl_ca_file']) as "
      "name",
      limit - boottime_now());
  if (!answer || answer->size() != 1 || answer->front().size() != 3) co_return;
  const auto setting = [&](std::size_t row) { return answer->front()[row].at(0).value_or(""); };
  const auto whole = [&](const std::string& path) {
    return path.empty() || path.starts_with('/') ? path : context_.config->data_dir + "/" + path;
  };
  ServerCertificates files;
  if (setting(0) == "on") {
    files.cert_file = whole(setting(1));
    files.ca_file = whole(setting(2));
  }
  context_.options.on_certificates(std::move(files));
}

// A standby's timeline: the WAL receiver's while it streams, else what a replication connection
// says, else the newer of the two that pg_control knows. That connection is kept only as long as it
// is asked: it shows in pg_stat_replication, and counts towards max_wal_senders.
asio::awaitable<void> Lookout::find_standby_timeline(InstanceView& view, Instant deadline) {
  if (view.is_streaming && view.received_timeline.is_known()) {
    view.timeline = view.received_timeline;
    replication_.close();
    co_return;
  }
  if (view.control)
    view.timeline = std::max(view.control->timeline, view.control->minimum_recovery_timeline);
  const Instant limit = std::min(deadline, boottime_now() + kReplicationLimit);
  if (!replication_.is_open()) {
    if (boottime_now() < replication_again_at_) co_return;
    const PostmasterPid* file = context_.postmaster->file();
    ConnInfo info =
        local_conninfo(*context_.config, LocalLogin::Replication, file ? file->socket_dir : "");
    info.set("application_name", "pgherd timeline");
    const auto connected = co_await replication_.connect(std::move(info), limit - boottime_now());
    if (!connected) {
      replication_again_at_ = boottime_now() + kReplicationPause;
      co_return;
    }
  }
  const auto answer = co_await replication_.query("IDENTIFY_SYSTEM", limit - boottime_now());
  if (!answer || answer->empty() || answer->front().empty()) co_return;
  const Cell& cell = answer->front().front().at(1);
  std::uint32_t timeline = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), timeline);
  if (timeline != 0) view.timeline = Timeline{timeline};
}

void Lookout::read_history(InstanceView& view) {
  if (!view.timeline.is_known()) return;
  if (view.timeline != history_of_) {
    std::vector<HistoryRow> rows;
    if (view.timeline.value > 1) {
      const std::string path =
          fmt::format("{}/pg_wal/{:08X}.history", context_.config->data_dir, view.timeline.value);
      const auto text = read_file(path);
      if (!text) return;
      auto parsed = parse_history_file(*text);
      if (!parsed) return;
      rows = std::move(*parsed);
      // PostgreSQL writes no time into it: the last row is as old as the file (Patroni
      // get_history).
      if (!rows.empty()) rows.back().timestamp = time_of_change(path);
    }
    history_of_ = view.timeline;
    history_ = std::move(rows);
  }
  view.history = history_;
}

}  // namespace pgherd
