#include "postgres/local/act_context.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "codec/postgres_settings.h"
#include "postgres/local/config_files.h"
#include "postgres/local/monitor.h"
#include "postgres/local/postmaster_pid.h"
#include "postgres/local/programs.h"
#include "postgres/local/settings_check.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

// How soon a program learns that it is not wanted any more; that it has ended is told.
constexpr Duration kLook = 20ms;

// What the operator can do about words that PostgreSQL's tools are known to say.
std::string advice_for(const std::string& said) {
  const auto says = [&](const char* words) { return said.find(words) != said.npos; };
  if (says("No space left on device")) return "the disk is full; make room. ";
  if (says("password authentication failed") || says("no password supplied"))
    return "wrong or missing password; compare postgresql.authentication on all members. ";
  if (says("no pg_hba.conf entry"))
    return "the source's pg_hba does not let this node in; add it to postgresql.pg_hba. ";
  if (says("Permission denied")) return "the user that pgherd runs as lacks a right. ";
  if (says("server version") && says("not compatible"))
    return "the members run different major versions; set postgresql.bin_dir. ";
  return {};
}

void leave_out(const std::set<std::string>& refused, ParameterMap& settings) {
  for (const std::string& name : refused)
    settings.erase(name);
}

// Told once for each configuration.
void tell_left_out(ActContext& context, const RecoveryConf& conf, int major_version) {
  for (const auto& [name, value] : conf.left_out)
    if (context.refused_in_recovery.insert(name).second)
      log_warning("{}: {} = '{}' is left out, PostgreSQL {} has no such parameter", conf.key, name,
                  value, major_version);
}

// Before Linux 5.8 syncfs may be silent about what could not be written.
bool syncfs_tells_errors() {
  utsname system{};
  int major = 0;
  int minor = 0;
  if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2)
    return false;
  return std::pair(major, minor) >= std::pair(5, 8);
}

class FilesTaken {
 public:
  explicit FilesTaken(ActContext& context) : context_(context) { context_.are_files_taken = true; }
  ~FilesTaken() { context_.are_files_taken = false; }
  FilesTaken(const FilesTaken&) = delete;
  FilesTaken& operator=(const FilesTaken&) = delete;

 private:
  ActContext& context_;
};

// Whom a standby follows changes in every failover, and is ours: nobody waits for a check of it.
std::string judged_text(ParameterMap settings) {
  settings.erase("primary_conninfo");
  settings.erase("primary_slot_name");
  return render_postgresql_conf({}, settings, {});
}

asio::awaitable<Attempt> validate(ActContext& context, const ActControl& control,
                                  std::shared_ptr<const PostgresConfig> config,
                                  ParameterMap& parameters, ParameterMap& recovery,
                                  const std::function<Attempt()>& write) {
  const bool is_known = judged_text(parameters) == context.validated &&
                        (recovery.empty() || judged_text(recovery) == context.validated_recovery);
  if (is_known) co_return Attempt{};
  std::vector<JudgedSettings> judged{
      {.key = "postgresql.parameters", .settings = parameters, .refused = context.refused},
      {.key = recovery_conf_of(*config, context.known_major).key,
       .settings = recovery,
       .refused = context.refused_in_recovery}};
  const auto taken = co_await leave_out_what_is_refused(context, control, conf_path_of(*config),
                                                        std::move(judged), write);
  if (!taken) co_return tl::unexpected(taken.error());
  if (*taken) context.validated = judged_text(parameters);
  if (*taken && !recovery.empty()) context.validated_recovery = judged_text(recovery);
  co_return Attempt{};
}

asio::awaitable<Result<void, QueryError>> open_as_superuser(PgSession& session,
                                                            const ActContext& context,
                                                            const std::string& database) {
  const PostmasterPid* file = context.postmaster->file();
  ConnInfo info =
      local_conninfo(*context.config, LocalLogin::Superuser, file ? file->socket_dir : "");
  info.set("application_name", "pgherd");
  info.set_if_any("dbname", database);
  info.set("options",
           "-c statement_timeout=0 -c search_path=pg_catalog -c synchronous_commit=local");
  co_return co_await session.connect(std::move(info), 3s);
}

// How far it was says nothing about why it ended.
std::string without_progress(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    if (!parse_tool_progress(line)) kept += line;
    text.remove_prefix(line.size());
  }
  return kept;
}

}  // namespace

std::string ActContext::program(const std::string& name) const {
  return program_of(*config, name);
}

std::string ActContext::server_log() const {
  return options.server_log.empty() ? config->data_dir + "/pgherd_postmaster.log"
                                    : options.server_log;
}

DirectoryLook ActContext::look_at_directory() const {
  return look_at_data_directory(config->data_dir, is_making_cluster ? Mark::IsOurs : Mark::Counts);
}

std::string last_lines(const std::string& text, std::size_t lines) {
  std::string_view rest = text;
  while (!rest.empty() && rest.back() == '\n')
    rest.remove_suffix(1);
  auto start = rest.size();
  for (std::size_t line = 0; line < lines && start != 0; ++line) {
    const auto end = rest.rfind('\n', start - 1);
    start = end == rest.npos ? 0 : end;
  }
  std::string kept(rest.substr(start));
  if (kept.starts_with('\n')) kept.erase(0, 1);
  for (auto at = kept.find('\n'); at != kept.npos; at = kept.find('\n'))
    kept.replace(at, 1, " | ");
  return kept;
}

std::optional<ToolProgress> parse_tool_progress(std::string_view line) {
  constexpr std::uint64_t kKilobyte = 1024;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  ToolProgress progress;
  const char* const end = line.data() + line.size();
  const auto copied = std::from_chars(line.data(), end, progress.copied_bytes);
  if (copied.ec != std::errc{} || copied.ptr == end || *copied.ptr != '/') return std::nullopt;
  const auto total = std::from_chars(copied.ptr + 1, end, progress.total_bytes);
  if (total.ec != std::errc{}) return std::nullopt;
  const std::string_view rest(total.ptr, static_cast<std::size_t>(end - total.ptr));
  if (!rest.starts_with(" kB (")) return std::nullopt;
  progress.copied_bytes *= kKilobyte;
  progress.total_bytes *= kKilobyte;
  return progress;
}

asio::awaitable<Answer<ProcessEnd>> run_tool(ActContext& context, const ActControl& control,
                                             ProcessSpec spec, std::function<void()> meanwhile,
                                             ProcessEnd* how_it_ended) {
  const std::string name = spec.argv.front().substr(spec.argv.front().rfind('/') + 1);
  // A tool of ours must not go on writing in the data directory when we are gone.
  spec.dies_with_parent = true;
  // pg_rewind runs the server in single-user mode.
  if (auto known = acquaintance_with_stranger(find_postmaster(context.config->data_dir)))
    spec.env.push_back(std::move(*known));
  auto child = ChildProcess::start(context.loop, std::move(spec));
  if (!child)
    co_return failed(child.error() + "; set postgresql.bin_dir to where PostgreSQL's programs are");
  const std::function<void()> look = [&] {
    if (meanwhile) meanwhile();
    if (control.is_cancelled) (*child)->terminate();
  };
  const ProcessEnd end = co_await end_of(**child, kLook, look);
  if (how_it_ended != nullptr) *how_it_ended = end;
  if (end.succeeded()) co_return end;
  if (end.cancelled) co_return cancelled(name + " was cancelled");
  const std::string& all = end.err.empty() ? end.out : end.err;
  const std::string said = last_lines(without_progress(all), 6);
  co_return failed(fmt::format("{} {}: {}it says: {}", name, describe(end), advice_for(said),
                               said.empty() ? "nothing" : said),
                   end.timed_out ? ActOutcome::TimedOut : ActOutcome::Failed);
}

asio::awaitable<Result<std::vector<Rows>, QueryError>> ask_in(PgSession& session,
                                                              ActContext& context,
                                                              ActControl& control, std::string sql,
                                                              Duration timeout,
                                                              std::string database) {
  control.interrupt = [&session] { session.interrupt(); };
  if (!session.is_open()) {
    auto connected = co_await open_as_superuser(session, context, database);
    if (!connected) {
      control.interrupt = nullptr;
      co_return fail(connected.error());
    }
  }
  // A cancel between the two waits found nothing to interrupt.
  if (control.is_cancelled) timeout = Duration::zero();
  auto answer = co_await session.query(std::move(sql), timeout);
  control.interrupt = nullptr;
  co_return answer;
}

asio::awaitable<Result<std::vector<Rows>, QueryError>> ask_local(ActContext& context,
                                                                 ActControl& control,
                                                                 std::string sql, Duration timeout,
                                                                 std::string database) {
  PgSession session(context.loop);
  co_return co_await ask_in(session, context, control, std::move(sql), timeout,
                            std::move(database));
}

asio::awaitable<Answer<int>> binary_version(ActContext& context, const ActControl& control) {
  const std::string program = context.program("postgres");
  if (context.known_major != 0 && context.known_program == program) co_return context.known_major;
  if (auto named = expect_name_of_postgres(program); !named)
    co_return tl::unexpected(named.error());
  ProcessSpec spec;
  spec.argv = {program, "--version"};
  spec.timeout = 10s;
  const auto end = co_await run_tool(context, control, std::move(spec));
  if (!end) co_return tl::unexpected(end.error());
  const int major = version_in(end->out);
  if (major == 0) co_return failed("cannot read the version in: " + last_lines(end->out, 1));
  context.known_major = major;
  context.known_program = program;
  co_return major;
}

asio::awaitable<Answer<ParameterMap>> prepare_files(ActContext& context, const ActControl& control,
                                                    std::optional<Upstream> upstream,
                                                    std::optional<ServerRole> next_role) {
  const auto config = std::make_shared<const PostgresConfig>(
      config_in_role(*context.config, next_role.value_or(role_with(upstream))));
  const DirectoryLook look = context.look_at_directory();
  if (look.state == DataDirectory::Missing)
    co_return failed(config->data_dir + " is missing or empty: there is nothing to start");
  if (look.state != DataDirectory::Valid) co_return failed(look.problem);
  const auto major = co_await binary_version(context, control);
  if (!major) co_return tl::unexpected(major.error());
  if (*major != look.major_version)
    co_return failed(
        fmt::format("{} was made by PostgreSQL {}, but the programs in {} are version {}: set "
                    "postgresql.bin_dir "
                    "to those of version {}",
                    config->data_dir, look.major_version,
                    config->bin_dir.empty() ? std::string("PATH") : config->bin_dir, *major,
                    look.major_version));
  ParameterMap parameters =
      server_parameters(*config, context.scope, upstream ? &*look.control : nullptr);
  leave_out(context.refused, parameters);
  ParameterMap recovery;
  if (upstream) {
    recovery = recovery_parameters(*config, context.self, *upstream, *major,
                                   known_address(context, *upstream));
    tell_left_out(context, recovery_conf_of(*config, *major), *major);
    leave_out(context.refused_in_recovery, recovery);
  }
  if (upstream && !upstream->host.empty())
    if (auto written = write_pgpass(*config, *upstream); !written)
      co_return tl::unexpected(written.error());
  // Acts that write files may be under way beside each other.
  while (context.are_files_taken)
    co_await pause_for(5ms);
  const FilesTaken taken(context);
  const std::optional<std::string> sync_names = sync_names_of(context);
  const ParameterMap defaults = better_defaults(*major, syncfs_tells_errors());
  const std::function<Attempt()> write = [&] {
    return write_server_files(*config, parameters, recovery, sync_names, defaults);
  };
  if (auto written = write(); !written) co_return tl::unexpected(written.error());
  if (auto valid = co_await validate(context, control, config, parameters, recovery, write); !valid)
    co_return tl::unexpected(valid.error());
  // What pending restarts are compared with: without the floor of a standby, which is not a
  // request.
  context.wanted = server_parameters(*config, context.scope, nullptr);
  leave_out(context.refused, context.wanted);
  co_return parameters;
}

asio::awaitable<Attempt> start_server(ActContext& context, const ActControl& control,
                                      ParameterMap parameters, Instant deadline,
                                      std::function<Attempt()> may_start) {
  const auto config = context.config;
  if (auto made = make_socket_directories(parameters); !made) co_return made;
  ServerStart how;
  how.program = context.program("postgres");
  // The last one because a data_directory in an included file (Debian writes one) beats -D, and a
  // copy may have brought that of another node.
  how.arguments = {"-D", config->data_dir, "--config-file=" + conf_path_of(*config),
                   "--data_directory=" + config->data_dir};
  for (std::string& argument : command_line_arguments(parameters))
    how.arguments.push_back(std::move(argument));
  how.log_file = context.server_log();
  how.not_after = control.lease_valid_until;
  const auto unless_cancelled = [&control, may_start]() -> Attempt {
    if (control.is_cancelled) return cancelled("cancelled before PostgreSQL was started");
    return may_start ? may_start() : Attempt{};
  };
  if (auto started = co_await context.postmaster->start(std::move(how), unless_cancelled); !started)
    co_return started;
  context.started_with = config;
  auto ready = co_await context.postmaster->wait_until_ready(deadline, control);
  if (ready) asio::post(context.disk, [config] { keep_config_copies(*config); });
  co_return ready;
}

const std::optional<std::string>& sync_names_of(ActContext& context) {
  if (!context.are_sync_names_known) {
    context.sync_names = written_sync_names(*context.config);
    context.are_sync_names_known = true;
  }
  return context.sync_names;
}

Upstream written_upstream(const PostgresConfig& config) {
  ParameterMap section = written_recovery_section(config);
  const UpstreamView view = upstream_of(section["primary_conninfo"], section["primary_slot_name"]);
  const auto restore = section.find("restore_command");
  return Upstream{.host = view.host,
                  .port = view.port,
                  .slot = view.slot,
                  .is_without_archive = restore != section.end() && restore->second.empty()};
}

}  // namespace pgherd
