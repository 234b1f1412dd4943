// Moving the data directory aside, emptying it, and filling it with a copy (PostgreSQL manual,
// pg_basebackup; Patroni postgresql/bootstrap.py).
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "postgres/local/act_context.h"
#include "postgres/local/config_files.h"
#include "postgres/local/filling_command.h"
#include "postgres/local/lost_wal.h"
#include "runtime/asio_clock.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr std::array<std::string_view, 12> kForbiddenBasebackup{
    "pgdata", "format", "wal-method", "xlog-method", "gzip",     "version",
    "dbname", "host",   "port",       "username",    "password", "target"};

constexpr std::string_view kBasebackup = "basebackup";

void add_basebackup_options(const OptionList& options, std::vector<std::string>& argv) {
  bool has_checkpoint = false;
  for (const auto& [name, value] : options) {
    const bool is_client_compression = name == "compress" && !value.starts_with("server");
    if (is_client_compression || std::find(kForbiddenBasebackup.begin(), kForbiddenBasebackup.end(),
                                           name) != kForbiddenBasebackup.end()) {
      log_error("postgresql.basebackup: the option {} is left out, pgherd sets it or cannot use it",
                name);
      continue;
    }
    has_checkpoint = has_checkpoint || name == "checkpoint";
    argv.push_back(value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  }
  // A spread checkpoint on the source would let a new standby wait for minutes.
  if (!has_checkpoint) argv.push_back("--checkpoint=fast");
}

constexpr Duration kSlotLimit = 5s;

// Before the copy begins, so that no WAL that it needs afterwards goes, and its receiver does not
// find it missing. Without it the copy is as good: the source's agent makes it in time, too.
asio::awaitable<void> make_slot(ActContext& context, Upstream source) {
  constexpr std::string_view kExistsAlready = "42710";
  if (source.slot.empty() || source.is_remote) co_return;
  const auto config = context.config;
  ConnInfo info = tool_conninfo(*config, config->replication, source, "");
  info.set_if_any("password", config->replication.password);
  info.remove("passfile");
  info.set("replication", "1");
  info.set("application_name", context.self);
  std::string sql = fmt::format("CREATE_REPLICATION_SLOT \"{}\" PHYSICAL RESERVE_WAL", source.slot);
  const auto made = co_await query_once(std::move(info), std::move(sql), kSlotLimit, kSlotLimit);
  if (!made && made.error().sqlstate != kExistsAlready)
    log_warning("cannot make the replication slot {} on {}: {}", source.slot, source.name,
                made.error().text);
}

bool is_empty(const std::string& directory) {
  std::error_code error;
  return std::filesystem::is_empty(directory, error) || error;
}

asio::awaitable<Attempt> remove_on_disk(ActContext& context, std::string data_dir) {
  auto work = [data_dir] { return remove_data_directory(data_dir); };
  co_return co_await on_disk(context, std::move(work));
}

constexpr Duration kFirstTold = 10s;
constexpr Duration kToldEvery = 60s;

void begin_copy(ActContext& context, const Upstream& source) {
  const Instant now = boottime_now();
  context.copy.emplace();
  context.copy->progress.from = source.name;
  context.copy->began = now;
  context.copy->tell_at = now + kFirstTold;
}

void note_progress(ActContext& context, std::string_view line) {
  const auto progress = parse_tool_progress(line);
  if (!progress || !context.copy) return;
  CopyProgress& copy = context.copy->progress;
  copy.copied_bytes = progress->copied_bytes;
  copy.total_bytes = progress->total_bytes;
  const Instant now = boottime_now();
  if (now < context.copy->tell_at) return;
  context.copy->tell_at = now + kToldEvery;
  copy.seconds = (now - context.copy->began) / 1s;
  log_info("copying from {}: {}", copy.from, describe(copy));
}

asio::awaitable<Attempt> run_basebackup(ActContext& context, const ActControl& control,
                                        Upstream source) {
  const auto config = context.config;
  if (auto written = write_pgpass(*config, source); !written) co_return written;
  // It keeps its own name. By the member's a commit that waits for this standby would be confirmed
  // by WAL in a directory that is removed when the copy fails.
  const ConnInfo info = tool_conninfo(*config, config->replication, source, "");
  ProcessSpec spec;
  spec.argv = {context.program("pg_basebackup"),
               "--pgdata=" + config->data_dir,
               "--wal-method=stream",
               "--dbname=" + info.to_string(),
               "--no-password",
               "--progress"};
  add_basebackup_options(config->basebackup, spec.argv);
  spec.env = {{"LC_ALL", "C"}};
  if (std::string file = passfile_of(*config, config->replication); !file.empty())
    spec.env.emplace_back("PGPASSFILE", std::move(file));
  spec.on_line = [&context](OutputOf, std::string_view line) { note_progress(context, line); };
  // pg_basebackup wants an empty directory, so our marker follows its first file.
  auto is_marked = std::make_shared<bool>(false);
  const auto mark = [is_marked, data_dir = config->data_dir] {
    if (!*is_marked && !is_empty(data_dir)) *is_marked = mark_unfinished(data_dir).has_value();
  };
  const auto end = co_await run_tool(context, control, std::move(spec), mark);
  if (!end) co_return tl::unexpected(end.error());
  co_return open_to_group_like_its_files(config->data_dir);
}

Attempt finish_copy(const PostgresConfig& config) {
  // The source's own, if it lay in its data directory.
  ::unlink((config.data_dir + "/pgherd_postmaster.log").c_str());
  restore_config_copies(config);
  // Before the marker goes: started by whomsoever, this copy must not become a primary.
  if (auto done = set_standby_signal(config.data_dir, true); !done) return done;
  return mark_finished(config.data_dir);
}

// The names in the order in which they are tried.
std::vector<std::string> methods_in(const PostgresConfig& config, bool is_remote) {
  const auto& named = is_remote ? config.remote_copy_methods : config.create_replica_methods;
  return named.empty() ? std::vector<std::string>{std::string(kBasebackup)} : named;
}

// No section: a program of that name, as Patroni has it.
ReplicaMethod method_of(const PostgresConfig& config, const std::string& name) {
  const auto found = config.replica_methods.find(name);
  if (found != config.replica_methods.end()) return found->second;
  return {.command = {.words = {name}}};
}

std::vector<std::string> methods_for(const PostgresConfig& config, const Upstream& source) {
  auto names = methods_in(config, source.is_remote);
  if (source.host.empty() && !source.is_remote) {
    std::erase_if(names,
                  [&](const std::string& name) { return !method_of(config, name).no_leader; });
  }
  return names;
}

std::string described(const Upstream& source) {
  if (source.host.empty()) return "nobody";
  return fmt::format("{} ({}:{})", source.name, source.host, source.port);
}

bool keeps_data(const PostgresConfig& config, const std::string& name) {
  return name != kBasebackup && method_of(config, name).keep_data;
}

asio::awaitable<Attempt> run_command(ActContext& context, const ActControl& control,
                                     Upstream source, std::string name) {
  const auto config = context.config;
  if (auto written = write_pgpass(*config, source); !written) co_return written;
  const ReplicaMethod method = method_of(*config, name);
  std::string from;  // "": there is nobody
  if (!source.host.empty())
    from = tool_conninfo(*config, config->replication, source, config->database).to_string();
  FillingRun run;
  run.key = "postgresql." + name;
  run.words = method.command.words;
  run.arguments = replica_arguments(method.command, context.scope, config->data_dir, from);
  if (std::string file = passfile_of(*config, config->replication); !file.empty())
    run.env.emplace_back("PGPASSFILE", std::move(file));
  co_return co_await run_filling_command(context, control, std::move(run));
}

// What a method finds: a missing or empty directory, unless it wants to go on with what is there.
// What is there is ours, for act_clone has looked.
asio::awaitable<Attempt> make_room(ActContext& context, std::string name) {
  const auto config = context.config;
  if (!is_empty(config->data_dir)) {
    if (auto marked = mark_unfinished(config->data_dir); !marked) co_return marked;
    if (keeps_data(*config, name)) {
      log_info("postgresql.{}.keep_data: leaving in {} what it holds", name, config->data_dir);
      co_return Attempt{};
    }
    auto emptied = co_await remove_on_disk(context, config->data_dir);
    if (!emptied) co_return emptied;
  }
  co_return name == kBasebackup ? make_empty_directory(config->data_dir)
                                : make_way_to(config->data_dir);
}

asio::awaitable<Attempt> run_method(ActContext& context, const ActControl& control, Upstream source,
                                    std::string name) {
  if (auto room = co_await make_room(context, name); !room) co_return room;
  auto copied = Attempt{};
  if (name == kBasebackup)
    copied = co_await run_basebackup(context, control, source);
  else
    copied = co_await run_command(context, control, source, name);
  if (!copied) co_return copied;
  co_return finish_copy(*context.config);
}

// One after the other until one has made a copy; a later one knows nothing of what an earlier one
// has left.
asio::awaitable<Attempt> fill(ActContext& context, const ActControl& control, Upstream source) {
  const auto config = context.config;
  co_await make_slot(context, source);
  if (auto alone = co_await end_filling_commands(context); !alone) co_return alone;
  Failure failure;
  bool is_kept = false;
  const auto names = methods_for(*config, source);
  if (names.empty())
    co_return failed("none of postgresql.create_replica_methods has no_leader set");
  for (const std::string& name : names) {
    const auto copied = co_await run_method(context, control, source, name);
    if (copied) co_return copied;
    is_kept = keeps_data(*config, name);
    failure.outcome = copied.error().outcome;
    failure.text += (failure.text.empty() ? "" : "; ") + copied.error().text;
    if (failure.outcome == ActOutcome::Cancelled) break;
    log_warning("no copy was made by {}: {}", name, copied.error().text);
  }
  // What is left is ours; a directory that cannot be emptied keeps its marker.
  const bool is_marked = is_empty(config->data_dir) || mark_unfinished(config->data_dir);
  if (is_marked && !is_kept)
    if (auto emptied = co_await remove_on_disk(context, config->data_dir); !emptied)
      log_warning("{}", emptied.error().text);
  co_return tl::unexpected(failure);
}

}  // namespace

bool begins_with_what_is_there(const PostgresConfig& config) {
  return keeps_data(config, methods_in(config, false).front()) ||
         keeps_data(config, methods_in(config, true).front());
}

Act act_set_aside(ActContext& context, ActControl&, SetAsideDataDirectory step) {
  const std::string data_dir = context.config->data_dir;
  if (context.postmaster->look() != ProcessState::Stopped)
    co_return failed(fmt::format("PostgreSQL runs in {} (pid {}); it is not moved aside", data_dir,
                                 context.postmaster->pid()));
  const DirectoryLook look = look_at_data_directory(data_dir);
  if (look.state == DataDirectory::Missing) co_return data_dir + " is empty already";
  if (look.is_ours_unfinished) {
    if (auto alone = co_await end_filling_commands(context); !alone)
      co_return tl::unexpected(alone.error());
    auto emptied = co_await remove_on_disk(context, data_dir);
    if (!emptied) co_return tl::unexpected(emptied.error());
    co_return "removed an unfinished copy of our own from " + data_dir;
  }
  if (auto cleared = co_await context.postmaster->kill_leftovers(); !cleared)
    co_return tl::unexpected(cleared.error());
  const auto aside = set_aside(data_dir);
  if (!aside) co_return tl::unexpected(aside.error());
  co_return fmt::format("moved {} to {} ({})", data_dir, *aside, step.why);
}

Act act_clone(ActContext& context, ActControl& control, CloneFrom step) {
  const auto config = context.config;
  const DirectoryLook look = look_at_data_directory(config->data_dir);
  if (!look.is_ours_unfinished && look.state != DataDirectory::Missing)
    co_return failed(fmt::format("{} is not empty ({}); a copy goes into an empty directory only",
                                 config->data_dir,
                                 look.problem.empty() ? "it holds a cluster" : look.problem));
  context.is_filling_directory = true;
  begin_copy(context, step.source);
  const auto filled = co_await fill(context, control, step.source);
  context.copy.reset();
  context.is_filling_directory = false;
  if (!filled) {
    Failure failure = filled.error();
    failure.text = fmt::format("copying from {} failed: {}", described(step.source), failure.text);
    co_return tl::unexpected(failure);
  }
  co_return "copied from " + described(step.source);
}

Act act_remove_directory(ActContext& context, ActControl& control, RemoveDataDirectory step) {
  const std::string data_dir = context.config->data_dir;
  if (context.postmaster->look() != ProcessState::Stopped)
    co_return failed(fmt::format("PostgreSQL runs in {} (pid {}); it is not removed", data_dir,
                                 context.postmaster->pid()));
  if (auto cleared = co_await context.postmaster->kill_leftovers(); !cleared)
    co_return tl::unexpected(cleared.error());
  std::string kept;
  if (context.fork)
    kept = "; what was here only " + co_await keep_lost_wal(context, control, *context.fork);
  context.fork.reset();
  if (!is_empty(data_dir) && begins_with_what_is_there(*context.config)) {
    if (auto marked = mark_unfinished(data_dir); !marked) co_return tl::unexpected(marked.error());
    co_return fmt::format(
        "leaving the content of {} to the command that makes it anew (keep_data; {}){}", data_dir,
        step.why, kept);
  }
  log_warning("removing the content of {}: {}", data_dir, step.why);
  auto emptied = co_await remove_on_disk(context, data_dir);
  if (!emptied) co_return tl::unexpected(emptied.error());
  co_return fmt::format("removed the content of {} ({}){}", data_dir, step.why, kept);
}

}  // namespace pgherd
