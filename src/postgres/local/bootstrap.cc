// Bootstrap: initdb or the operator's command, first start, roles, the operator's script (Patroni
// postgresql/bootstrap.py).
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "codec/conninfo.h"
#include "codec/shell_words.h"
#include "postgres/local/act_context.h"
#include "postgres/local/config_files.h"
#include "postgres/local/filling_command.h"
#include "postgres/local/restored_cluster.h"
#include "postgres/local/role_maker.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr std::array<std::string_view, 5> kForbiddenInitdb{"pgdata", "nosync", "pwfile",
                                                           "sync-only", "version"};

// A secret in a file for one program, gone when this is.
class SecretFile {
 public:
  static Answer<std::unique_ptr<SecretFile>> write(const std::string& name,
                                                   const std::string& text) {
    std::error_code error;
    const auto directory = std::filesystem::temp_directory_path(error);
    const std::string path = fmt::format("{}/pgherd-{}-{}-{}", error ? "/tmp" : directory.string(),
                                         name, ::getpid(), boottime_now().nanoseconds());
    if (auto written = write_file_atomically(path, text, 0600); !written)
      return failed(written.error().text);
    return std::unique_ptr<SecretFile>(new SecretFile(path));
  }
  ~SecretFile() { ::unlink(path_.c_str()); }
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit SecretFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Attempt add_initdb_options(const OptionList& options, std::vector<std::string>& argv) {
  for (const auto& [name, value] : options) {
    if (std::find(kForbiddenInitdb.begin(), kForbiddenInitdb.end(), name) != kForbiddenInitdb.end())
      return failed("bootstrap.initdb: the option " + name +
                    " is pgherd's own business; remove it from the configuration");
    argv.push_back(value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  }
  return {};
}

asio::awaitable<Attempt> run_initdb(ActContext& context, const ActControl& control) {
  const auto config = context.config;
  ProcessSpec spec;
  spec.argv = {context.program("initdb")};
  const OptionList options = context.bootstrap ? context.bootstrap->initdb : OptionList{};
  if (auto added = add_initdb_options(options, spec.argv); !added) co_return added;
  const Credentials& superuser = config->superuser;
  if (!superuser.username.empty()) spec.argv.push_back("--username=" + superuser.username);
  std::unique_ptr<SecretFile> password;
  if (!superuser.password.empty()) {
    auto written = SecretFile::write("initdb", superuser.password + "\n");
    if (!written) co_return tl::unexpected(written.error());
    password = std::move(*written);
    spec.argv.push_back("--pwfile=" + password->path());
  }
  spec.argv.push_back(config->data_dir);
  const auto end = co_await run_tool(context, control, std::move(spec));
  if (!end) co_return tl::unexpected(end.error());
  co_return Attempt{};
}

// bootstrap.pg_hba goes on holding below what initdb or the command wrote, unless the lines are
// managed as a whole.
Attempt append_bootstrap_hba(const ActContext& context) {
  if (!context.bootstrap || !context.config->pg_hba.empty()) return {};
  return append_hba_lines(*context.config, context.bootstrap->pg_hba);
}

// `<command> '<conninfo>'`, without a shell (as Patroni). The script comes in where this process
// did, with a password from a file.
asio::awaitable<Attempt> run_post_bootstrap(ActContext& context, const ActControl& control) {
  if (!context.bootstrap || context.bootstrap->post_bootstrap.empty()) co_return Attempt{};
  auto words = shell_words(context.bootstrap->post_bootstrap);
  if (!words || words->empty())
    co_return failed("bootstrap.post_bootstrap is " + context.bootstrap->post_bootstrap +
                     "; allowed is a command in which every quote is closed");
  const Credentials& superuser = context.config->superuser;
  const PostmasterPid* file = context.postmaster->file();
  ConnInfo info =
      local_conninfo(*context.config, LocalLogin::Superuser, file ? file->socket_dir : "");
  info.remove("password");
  ProcessSpec spec;
  spec.argv = std::move(*words);
  spec.argv.push_back(info.to_string());
  spec.env = {{"PGOPTIONS", "-c synchronous_commit=local -c statement_timeout=0"}};
  std::unique_ptr<SecretFile> passwords;
  if (!superuser.password.empty()) {
    const std::string host = info.find("host") != nullptr ? *info.find("host") : "";
    auto written = SecretFile::write(
        "pgpass",
        pgpass_lines(host, *info.find("port"), "", superuser.username, superuser.password));
    if (!written) co_return tl::unexpected(written.error());
    passwords = std::move(*written);
    spec.env.emplace_back("PGPASSFILE", passwords->path());
  }
  const auto end = co_await run_tool(context, control, std::move(spec));
  if (!end) {
    Failure failure = end.error();
    failure.text = "bootstrap.post_bootstrap: " + failure.text;
    co_return tl::unexpected(failure);
  }
  co_return Attempt{};
}

asio::awaitable<Attempt> make_roles(ActContext& context, ActControl& control) {
  const auto config = context.config;
  const PostmasterPid* file = context.postmaster->file();
  ConnInfo login = local_conninfo(*config, LocalLogin::Superuser, file ? file->socket_dir : "");
  RoleMaker roles(context);
  if (auto done = co_await roles.connect(control, std::move(login),
                                         "check postgresql.pg_hba and authentication.superuser");
      !done)
    co_return done;
  if (!config->superuser.username.empty() && !config->superuser.password.empty())
    if (auto done = co_await roles.ensure(config->superuser, "superuser login"); !done)
      co_return done;
  control.interrupt = nullptr;
  if (auto done = co_await run_post_bootstrap(context, control); !done) co_return done;
  if (config->replication.username.empty())
    co_return failed("postgresql.authentication.replication.username is not set");
  const bool is_same = config->replication.username == config->superuser.username;
  if (!is_same)
    if (auto done = co_await roles.ensure(config->replication, "replication login"); !done)
      co_return done;
  const bool has_rewind = config->rewind && config->rewind->username != config->superuser.username;
  if (!has_rewind) co_return Attempt{};
  const bool is_replication = config->rewind->username == config->replication.username;
  if (!is_replication)
    if (auto done = co_await roles.ensure(*config->rewind, "login"); !done) co_return done;
  co_return co_await roles.allow_rewind(config->rewind->username);
}

class Bootstrapping {
 public:
  explicit Bootstrapping(ActContext& context) : context_(context) {
    context_.is_bootstrapping = true;
  }
  ~Bootstrapping() { context_.is_bootstrapping = false; }
  Bootstrapping(const Bootstrapping&) = delete;
  Bootstrapping& operator=(const Bootstrapping&) = delete;

 private:
  ActContext& context_;
};

asio::awaitable<Attempt> start_and_fill(ActContext& context, ActControl& control) {
  if (auto done = append_bootstrap_hba(context); !done) co_return done;
  auto parameters = co_await prepare_files(context, control, std::nullopt);
  if (!parameters) co_return tl::unexpected(parameters.error());
  if (auto done = set_standby_signal(context.config->data_dir, false); !done) co_return done;
  auto started =
      co_await start_server(context, control, std::move(*parameters), Instant::never(), nullptr);
  if (!started) co_return started;
  auto made = co_await make_roles(context, control);
  control.interrupt = nullptr;
  co_return made;
}

asio::awaitable<Attempt> make_room(ActContext& context, bool is_by_command) {
  const std::string data_dir = context.config->data_dir;
  const DirectoryLook look = look_at_data_directory(data_dir);
  if (look.is_ours_unfinished) {
    if (auto alone = co_await end_filling_commands(context); !alone) co_return alone;
    auto work = [data_dir] { return remove_data_directory(data_dir); };
    if (auto emptied = co_await on_disk(context, std::move(work)); !emptied) co_return emptied;
  } else if (look.state != DataDirectory::Missing) {
    co_return failed(
        fmt::format("{} is not empty ({}); a new cluster is made in an empty directory only",
                    data_dir, look.problem.empty() ? "it holds a cluster" : look.problem));
  }
  co_return is_by_command ? make_way_to(data_dir) : make_empty_directory(data_dir);
}

asio::awaitable<Attempt> put_data(ActContext& context, const ActControl& control,
                                  std::optional<BootstrapMethod> method) {
  const std::string data_dir = context.config->data_dir;
  context.is_filling_directory = true;
  auto filled = Attempt{};
  if (method)
    filled = co_await fill_by_command(context, control, *method);
  else
    filled = co_await run_initdb(context, control);
  if (!filled && mark_unfinished(data_dir)) {
    auto work = [data_dir] { return remove_data_directory(data_dir); };
    if (auto emptied = co_await on_disk(context, std::move(work)); !emptied)
      log_warning("{}", emptied.error().text);
  }
  context.is_filling_directory = false;
  co_return filled;
}

// What a command has made stays marked as unfinished until it is a cluster: an agent that found it
// half recovered would take it for a backup, and recover it to the end of its archive.
asio::awaitable<Attempt> make_cluster(ActContext& context, ActControl& control,
                                      std::optional<BootstrapMethod> method) {
  if (method)
    if (auto recovered = co_await recover_restored(context, control, *method); !recovered)
      co_return recovered;
  if (auto filled = co_await start_and_fill(context, control); !filled) co_return filled;
  co_return mark_finished(context.config->data_dir);
}

}  // namespace

Act act_bootstrap(ActContext& context, ActControl& control) {
  const Bootstrapping bootstrapping(context);
  const std::string data_dir = context.config->data_dir;
  const auto method = context.bootstrap ? context.bootstrap->method : std::nullopt;
  if (auto made = co_await make_room(context, method.has_value()); !made)
    co_return tl::unexpected(made.error());
  if (auto filled = co_await put_data(context, control, method); !filled)
    co_return tl::unexpected(filled.error());
  context.is_making_cluster = true;
  const auto made = co_await make_cluster(context, control, method);
  context.is_making_cluster = false;
  if (made) co_return "made a new cluster in " + data_dir;
  // Half made is not made: whoever bootstraps next must find an empty place.
  Failure failure = made.error();
  ActControl undisturbed;
  if (auto stopped = co_await context.postmaster->stop(StopMode::Immediate, undisturbed, nullptr);
      !stopped) {
    failure.text += "; then: " + stopped.error().text;
    co_return tl::unexpected(failure);
  }
  const auto aside = set_aside(data_dir);
  failure.text += aside ? "; the unfinished cluster lies in " + *aside : "; " + aside.error().text;
  co_return tl::unexpected(failure);
}

}  // namespace pgherd
