// synchronous_standby_names: written, and known to be in force. PostgreSQL's processes read a
// changed configuration one after the other: WAL senders decide by their own copy who is waited
// for, and the checkpointer keeps the flag that makes commits wait at all
// (src/backend/replication/syncrep.c). A position that is taken before the last of them has read it
// proves nothing.
#include <fmt/core.h>

#include <charconv>
#include <csignal>
#include <map>
#include <set>

#include "postgres/local/act_context.h"
#include "postgres/local/process_wait.h"
#include "runtime/asio_clock.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr Duration kInForceLimit = 5s;
// A process that never rests long enough to be seen twice in one sleep has gone through its loop
// when it has slept so often since it took the signal.
constexpr std::uint64_t kSleepsForSure = 10;

// WAL senders that only copy, catch up or wait for a command release nobody, and look at the
// configuration before they do.
constexpr const char* kDeciders = R"(
select current_setting('synchronous_standby_names'), null, null, null
union all
select null, a.pid, a.backend_type, coalesce(a.wait_event, '')
from pg_stat_activity a left join pg_stat_replication r on r.pid = a.pid
where a.backend_type = 'checkpointer' or r.state in ('streaming', 'stopping'))";

struct Decider {
  std::int64_t pid = 0;
  bool is_checkpointer = false;
  std::string waits_for;
};

// Before it waits there, each of these loops looks whether the configuration is to be read again.
bool is_main_loop(const std::string& wait_event) {
  return wait_event == "CheckpointerMain" || wait_event == "CheckpointWriteDelay" ||
         wait_event == "WalSenderMain" || wait_event == "WalSenderWaitForWAL" ||
         wait_event == "WalSenderWaitForWal";
}

// Who of them has read the configuration since SIGHUP was sent to all.
class Readers {
 public:
  // Before the question is asked.
  void look_before() {
    before_.clear();
    for (const std::int64_t pid : pids_) {
      if (const auto seen = look_at_process(pid)) before_[pid] = *seen;
    }
  }
  // With the answer.
  void look_after(const std::vector<Decider>& deciders) {
    pids_.clear();
    for (const Decider& one : deciders) {
      pids_.insert(one.pid);
      const auto after = look_at_process(one.pid);
      if (!after || after->has_hangup_pending || !is_main_loop(one.waits_for)) continue;
      const auto taken = taken_.try_emplace(one.pid, *after).first;
      if (after->sleeps >= taken->second.sleeps + kSleepsForSure) done_.insert(one.pid);
      // It slept through the whole question, in its loop, the signal taken.
      const auto before = before_.find(one.pid);
      if (before != before_.end() && after->state == 'S' && before->second == *after)
        done_.insert(one.pid);
    }
  }
  [[nodiscard]] bool has(std::int64_t pid) const { return done_.contains(pid); }

 private:
  std::set<std::int64_t> pids_;
  std::map<std::int64_t, ProcessWait> before_;
  std::map<std::int64_t, ProcessWait> taken_;
  std::set<std::int64_t> done_;
};

std::vector<Decider> deciders_in(const Rows& rows) {
  std::vector<Decider> found;
  for (const Row& row : rows) {
    if (row.size() != 4 || !row[1]) continue;
    Decider one{.is_checkpointer = row[2] == "checkpointer", .waits_for = row[3].value_or("")};
    std::from_chars(row[1]->data(), row[1]->data() + row[1]->size(), one.pid);
    found.push_back(std::move(one));
  }
  return found;
}

// A new session has what the postmaster has, and that sent SIGHUP to the others before it let
// anybody new in: sessions are opened until one has the wanted list, and that one then sees the
// others take it.
asio::awaitable<Attempt> wait_until_in_force(PgSession& session, ActContext& context,
                                             ActControl& control, std::string wanted,
                                             bool must_let_wait) {
  const Instant deadline = boottime_now() + kInForceLimit;
  Readers readers;
  std::string missing = "nothing was seen yet";
  for (;;) {
    readers.look_before();
    const auto answer = co_await ask_in(session, context, control, kDeciders, 2s);
    if (answer && answer->size() == 1 && !answer->front().empty()) {
      const Rows& rows = answer->front();
      const std::string shown = rows.front().empty() ? "" : rows.front().front().value_or("");
      missing.clear();
      if (shown == wanted) {
        const auto deciders = deciders_in(rows);
        readers.look_after(deciders);
        for (const Decider& one : deciders) {
          if (one.is_checkpointer && !must_let_wait) continue;
          if (!readers.has(one.pid))
            missing = fmt::format("the {} {} has not read it (it waits for '{}')",
                                  one.is_checkpointer ? "checkpointer" : "WAL sender", one.pid,
                                  one.waits_for);
        }
      } else {
        missing = fmt::format(
            "PostgreSQL says '{}'; look in its log for errors in postgresql.conf, and for the "
            "parameter on the command line or in an included file",
            shown);
        session.close();
      }
      if (missing.empty()) co_return Attempt{};
    } else if (!answer) {
      missing = answer.error().text;
    }
    if (control.is_cancelled) co_return cancelled();
    if (boottime_now() > deadline)
      co_return failed(
          fmt::format("synchronous_standby_names = '{}' is not in force after {} s: {}", wanted,
                      kInForceLimit / 1s, missing));
    co_await pause_for(3ms);
  }
}

asio::awaitable<Lsn> written_until_now(PgSession& session, ActContext& context,
                                       ActControl& control) {
  const auto answer = co_await ask_in(
      session, context, control,
      "select case when pg_is_in_recovery() then null else pg_current_wal_flush_lsn() end", 2s);
  if (!answer || answer->empty() || answer->front().empty()) co_return Lsn{};
  const Cell& cell = answer->front().front().front();
  co_return cell ? parse_lsn(*cell).value_or(Lsn{}) : Lsn{};
}

// A commit that was waiting for somebody else is let go by the next reply of whom it waits for now.
// A standby that has everything replies to the next record: where all clients wait, nobody writes
// one, and it would be silent for wal_receiver_status_interval, 10 s as PostgreSQL comes. So one is
// written here, and flushed at once by a commit that waits for nobody. A server before 16 has no
// record of its own for that; there the WAL writer flushes the commit within wal_writer_delay.
asio::awaitable<void> write_a_record(PgSession& session, ActContext& context, ActControl& control) {
  constexpr int kFirstWithSnapshots = 16;
  const auto version = co_await binary_version(context, control);
  std::string record = "pg_current_xact_id()";
  if (version && *version >= kFirstWithSnapshots) record += ", pg_log_standby_snapshot()";
  co_await ask_in(session, context, control,
                  "select set_config('synchronous_commit', 'local', true), " + record +
                      " where not pg_is_in_recovery()",
                  2s);
}

}  // namespace

Act act_set_sync_names(ActContext& context, ActControl& control, SetSyncNames step) {
  const auto config = context.config;
  if (context.postmaster->look() != ProcessState::Running || context.is_filling_directory)
    co_return failed("PostgreSQL is not running: synchronous_standby_names is set when it is");
  const std::int64_t pid = context.postmaster->pid();
  const bool commits_wait = context.in_force.pid == pid && context.in_force.commits_wait;
  context.sync_names = step.text;
  context.are_sync_names_known = true;
  context.in_force = {};
  std::optional<Upstream> upstream;
  if (look_at_data_directory(config->data_dir).has_standby_signal)
    upstream = written_upstream(*config);
  const auto prepared = co_await prepare_files(context, control, std::move(upstream));
  if (!prepared) co_return tl::unexpected(prepared.error());
  if (!context.postmaster->signal(SIGHUP))
    co_return failed("PostgreSQL ended before it could reload");
  context.callbacks->call(*config, context.callbacks->rules.reloaded());
  if (!step.text) co_return "synchronous_standby_names is what the configuration says";
  const bool is_empty = step.text->empty();
  // The flag of the checkpointer stays as it is from one list to the next.
  PgSession session(context.loop);
  const auto in_force =
      co_await wait_until_in_force(session, context, control, *step.text, !commits_wait);
  if (!in_force) co_return tl::unexpected(in_force.error());
  const Lsn since = co_await written_until_now(session, context, control);
  if (!is_empty) co_await write_a_record(session, context, control);
  if (context.postmaster->pid() != pid) co_return failed("PostgreSQL was started anew meanwhile");
  context.in_force = {.pid = pid, .text = *step.text, .since = since, .commits_wait = !is_empty};
  co_return fmt::format("synchronous_standby_names = '{}' is in force since {}", *step.text,
                        to_string(since));
}

}  // namespace pgherd
