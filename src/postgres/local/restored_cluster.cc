#include "postgres/local/restored_cluster.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "postgres/local/config_files.h"
#include "postgres/local/filling_command.h"
#include "postgres/local/role_maker.h"
#include "postgres/local/settings_check.h"
#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

// A directory that only this user can enter, gone when this is. In the directory for temporary
// files, because the path of a socket must be short.
class PrivateEntrance {
 public:
  static Answer<std::unique_ptr<PrivateEntrance>> make() {
    std::error_code error;
    const auto above = fs::temp_directory_path(error);
    std::string pattern = (error ? std::string("/tmp") : above.string()) + "/pgherd-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      return failed(fmt::format("cannot make {}: {}", pattern, std::strerror(errno)));
    return std::unique_ptr<PrivateEntrance>(new PrivateEntrance(pattern));
  }
  ~PrivateEntrance() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  PrivateEntrance(const PrivateEntrance&) = delete;
  PrivateEntrance& operator=(const PrivateEntrance&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit PrivateEntrance(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The lookouts take the server for one that is starting.
class Unseen {
 public:
  explicit Unseen(ActContext& context) : context_(context) { context_.is_server_private = true; }
  ~Unseen() { context_.is_server_private = false; }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  ActContext& context_;
};

Attempt write(const std::string& path, const std::string& text) {
  if (auto written = write_file_atomically(path, text, 0600); !written)
    return failed(written.error().text);
  return {};
}

// A standby never ends its recovery, and this is to become a primary.
Attempt keep_signals(const std::string& data_dir) {
  const std::string standby = data_dir + "/standby.signal";
  const std::string recovery = data_dir + "/recovery.signal";
  if (::rename(standby.c_str(), recovery.c_str()) == 0 || errno == ENOENT) return {};
  return failed(fmt::format("cannot rename {}: {}", standby, std::strerror(errno)));
}

Attempt set_signals(const std::string& data_dir, const BootstrapMethod& method) {
  if (!method.recovery_conf && method.keep_existing_recovery_conf) return keep_signals(data_dir);
  if (auto removed = set_standby_signal(data_dir, false); !removed) return removed;
  return method.recovery_conf ? write(data_dir + "/recovery.signal", "") : Attempt{};
}

std::string conf_in(const PrivateEntrance& entrance) {
  return entrance.path() + "/postgresql.conf";
}

// Of the operator's settings, what this PostgreSQL has.
ParameterMap recovery_of(const ActContext& context, const BootstrapMethod& method) {
  const RecoveryConf conf =
      recovery_conf_for(context.known_major, method.recovery_conf.value_or(ParameterMap{}));
  for (const auto& [name, value] : conf.left_out)
    log_warning(
        "bootstrap.{}.recovery_conf: {} = '{}' is left out, PostgreSQL {} has no such parameter",
        method.name, name, value, context.known_major);
  return conf.settings;
}

// postgresql.conf of this one start: over what is always in force, the settings of the recovery.
// What the command wrote with ALTER SYSTEM's file is kept aside, for the recovery parameters in it
// are removed as ever.
asio::awaitable<Attempt> write_own_conf(ActContext& context, const ActControl& control,
                                        const PrivateEntrance& entrance, BootstrapMethod method,
                                        std::string auto_conf) {
  std::vector<std::string> included{conf_path_of(*context.config)};
  if (!method.recovery_conf && method.keep_existing_recovery_conf) {
    included.push_back(entrance.path() + "/kept.conf");
    if (auto written = write(included.back(), auto_conf); !written) co_return written;
  }
  if (auto written = write(entrance.path() + "/pg_hba.conf", "local all all trust\n"); !written)
    co_return written;
  ParameterMap recovery = recovery_of(context, method);
  const std::function<Attempt()> put = [&] {
    return write(conf_in(entrance), render_postgresql_conf(included, {}, recovery));
  };
  if (auto written = put(); !written) co_return written;
  std::set<std::string> refused;
  std::vector<JudgedSettings> judged{{.key = "bootstrap." + method.name + ".recovery_conf",
                                      .settings = recovery,
                                      .refused = refused}};
  const auto taken = co_await leave_out_what_is_refused(context, control, conf_in(entrance),
                                                        std::move(judged), put);
  if (!taken) co_return tl::unexpected(taken.error());
  co_return Attempt{};
}

ServerStart private_start(const ActContext& context, const PrivateEntrance& entrance,
                          const ParameterMap& parameters) {
  ServerStart how;
  how.program = context.program("postgres");
  how.log_file = context.server_log();
  how.arguments = {"-D", context.config->data_dir, "--config-file=" + conf_in(entrance),
                   "--data_directory=" + context.config->data_dir};
  for (std::string& argument : command_line_arguments(parameters))
    how.arguments.push_back(std::move(argument));
  // Later ones count. Without hot_standby nobody is let in before the end, and no parameter that
  // the origin had greater keeps it from going on.
  for (const char* fixed :
       {"--listen_addresses=", "--hot_standby=off", "--recovery_target_action=promote"})
    how.arguments.emplace_back(fixed);
  how.arguments.push_back("--unix_socket_directories=" + entrance.path());
  how.arguments.push_back("--hba_file=" + entrance.path() + "/pg_hba.conf");
  return how;
}

asio::awaitable<Answer<ServerStart>> prepare_private_start(ActContext& context,
                                                           const ActControl& control,
                                                           const PrivateEntrance& entrance,
                                                           BootstrapMethod method) {
  const auto config = context.config;
  restore_config_copies(*config);
  const auto auto_conf = read_file(config->data_dir + "/postgresql.auto.conf");
  const auto prepared = co_await prepare_files(context, control, std::nullopt);
  if (!prepared) co_return tl::unexpected(prepared.error());
  const auto written =
      co_await write_own_conf(context, control, entrance, method, auto_conf.value_or(""));
  if (!written) co_return tl::unexpected(written.error());
  if (auto set = set_signals(config->data_dir, method); !set) co_return tl::unexpected(set.error());
  const auto pg_control = read_pg_control(config->data_dir);
  if (!pg_control) co_return failed(pg_control.error().text);
  const ParameterMap parameters = server_parameters(*config, context.scope, &*pg_control);
  co_return private_start(context, entrance, parameters);
}

ConnInfo private_login(const PostgresConfig& config, const std::string& socket_dir) {
  ConnInfo login;
  login.set("host", socket_dir);
  login.set("port", std::to_string(config.listen.port));
  login.set_if_any("user", config.superuser.username);
  login.set("dbname", config.database);
  return login;
}

// The postmaster is ready when it could let clients read, which it does not do here; pg_control
// changes at the end of the recovery, a moment before anybody gets in.
asio::awaitable<Attempt> wait_until_recovered(ActContext& context, const ActControl& control,
                                              ConnInfo login) {
  constexpr Duration kPause = 50ms;
  constexpr Duration kLimit = 5s;
  for (;; co_await pause_for(kPause)) {
    if (context.postmaster->look() == ProcessState::Stopped)
      co_return failed("PostgreSQL ended before it had recovered; its log says: " +
                       context.postmaster->log_tail());
    if (control.is_cancelled) co_return cancelled("cancelled while PostgreSQL was recovering");
    const auto seen = read_pg_control(context.config->data_dir);
    if (!seen || seen->data.state != ControlState::InProduction) continue;
    const auto answer = co_await query_once(login, "select", kLimit, kLimit);
    // Any other refusal is told by who needs to get in.
    if (answer || answer.error().kind != QueryErrorKind::NotNow) co_return Attempt{};
  }
}

asio::awaitable<Attempt> set_superuser(ActContext& context, ActControl& control, ConnInfo login) {
  const Credentials superuser = context.config->superuser;
  RoleMaker roles(context);
  auto done =
      co_await roles.connect(control, std::move(login),
                             "does the backup have the role of "
                             "postgresql.authentication.superuser and postgresql.database?");
  if (done && !superuser.username.empty() && !superuser.password.empty())
    done = co_await roles.ensure(superuser, "superuser login");
  control.interrupt = nullptr;
  co_return done;
}

}  // namespace

asio::awaitable<Attempt> fill_by_command(ActContext& context, const ActControl& control,
                                         BootstrapMethod method) {
  FillingRun run;
  run.key = "bootstrap." + method.name;
  run.words = method.command.words;
  run.arguments = bootstrap_arguments(method.command, context.scope, context.config->data_dir);
  co_return co_await run_filling_command(context, control, std::move(run));
}

asio::awaitable<Attempt> recover_restored(ActContext& context, ActControl& control,
                                          BootstrapMethod method) {
  const auto entrance = PrivateEntrance::make();
  if (!entrance) co_return tl::unexpected(entrance.error());
  auto how = co_await prepare_private_start(context, control, **entrance, method);
  if (!how) co_return tl::unexpected(how.error());
  const Unseen unseen(context);
  log_info("bootstrap.{}: starting PostgreSQL, which recovers what the command has made",
           method.name);
  const auto unless_cancelled = [&control]() -> Attempt {
    return control.is_cancelled ? Attempt(cancelled()) : Attempt{};
  };
  auto done = co_await context.postmaster->start(std::move(*how), unless_cancelled);
  if (done) done = co_await context.postmaster->wait_until_ready(Instant::never(), control);
  const ConnInfo login = private_login(*context.config, (*entrance)->path());
  if (done) done = co_await wait_until_recovered(context, control, login);
  if (done) done = co_await set_superuser(context, control, login);
  if (!done) co_return done;
  co_return co_await context.postmaster->stop(StopMode::Fast, control, nullptr);
}

}  // namespace pgherd
