// Bootstrap: initdb, first start, roles, the operator's script (Patroni postgresql/bootstrap.py).
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "codec/conninfo.h"
#include "postgres/local/config_files.h"
#include "postgres/local/shop.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr std::array<std::string_view, 5> kForbiddenInitdb{"pgdata", "nosync", "pwfile",
                                                           "sync-only", "version"};

Failure failure_of(const QueryError& error, const std::string& what) {
  return {.text = what + ": " + error.text};
}

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

asio::awaitable<Attempt> run_initdb(Shop& shop, const ActControl& control) {
  const auto config = shop.config;
  ProcessSpec spec;
  spec.argv = {shop.program("initdb")};
  const OptionList options = shop.bootstrap ? shop.bootstrap->initdb : OptionList{};
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
  const auto end = co_await run_tool(shop, control, std::move(spec));
  if (!end) co_return tl::unexpected(end.error());
  co_return Attempt{};
}

// bootstrap.pg_hba goes on holding below what initdb wrote, unless the lines are managed as a
// whole.
Attempt append_bootstrap_hba(const Shop& shop) {
  if (!shop.bootstrap || shop.bootstrap->pg_hba.empty() || !shop.config->pg_hba.empty() ||
      shop.config->parameters.contains("hba_file"))
    return {};
  const std::string path = shop.config->data_dir + "/pg_hba.conf";
  auto text = read_file(path);
  if (!text) return failed(text.error().text);
  *text += "\n";
  for (const std::string& line : shop.bootstrap->pg_hba)
    *text += line + "\n";
  if (auto written = write_file_atomically(path, *text, 0600); !written)
    return failed(written.error().text);
  return {};
}

// One session for all roles: nothing of it is logged, for statements hold verifiers of passwords.
class RoleMaker {
 public:
  explicit RoleMaker(Shop& shop) : shop_(shop), session_(shop.loop) {}

  asio::awaitable<Attempt> connect(ActControl& control) {
    const PostmasterPid* file = shop_.postmaster->file();
    ConnInfo info =
        local_conninfo(*shop_.config, LocalLogin::Superuser, file ? file->socket_dir : "");
    info.set("application_name", "pgherd bootstrap");
    control.interrupt = [this] { session_.interrupt(); };
    auto connected = co_await session_.connect(std::move(info), 10s);
    if (!connected)
      co_return tl::unexpected(
          failure_of(connected.error(),
                     "cannot log in to the new cluster as the superuser (check "
                     "postgresql.pg_hba and authentication.superuser)"));
    co_return co_await run(
        "set synchronous_commit to local; set log_statement to none; "
        "set log_min_duration_statement to -1; set log_min_error_statement to panic; "
        "set pg_stat_statements.track_utility to off; set pgaudit.log to none",
        "quiet the session");
  }

  asio::awaitable<Attempt> ensure(Credentials who, std::string attributes) {
    auto found = co_await session_.query(
        "select from pg_catalog.pg_roles where rolname = " + quote_sql_literal(who.username), 30s);
    if (!found) co_return tl::unexpected(failure_of(found.error(), "cannot look for a role"));
    const bool exists = !found->empty() && !found->front().empty();
    std::string sql = fmt::format("{} role {} with {}", exists ? "alter" : "create",
                                  quote_sql_identifier(who.username), attributes);
    if (!who.password.empty()) {
      const std::string verifier = session_.scram_verifier(who.password, who.username);
      if (verifier.empty()) co_return failed("cannot make a SCRAM verifier for " + who.username);
      sql += " password " + quote_sql_literal(verifier);
    }
    co_return co_await run(sql, "make the role " + who.username);
  }

  asio::awaitable<Attempt> allow_rewind(std::string username) {
    std::string sql;
    for (const char* function :
         {"pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)",
          "pg_read_binary_file(text)", "pg_read_binary_file(text, bigint, bigint, boolean)"})
      sql += fmt::format("grant execute on function pg_catalog.{} to {};", function,
                         quote_sql_identifier(username));
    co_return co_await run(sql, "let " + username + " read files for pg_rewind");
  }

 private:
  asio::awaitable<Attempt> run(std::string sql, std::string what) {
    auto done = co_await session_.query(std::move(sql), 60s);
    if (!done) co_return tl::unexpected(failure_of(done.error(), "cannot " + what));
    co_return Attempt{};
  }

  Shop& shop_;
  PgSession session_;
};

// `<command> '<conninfo>'`; the shell splits the command as a person would expect. The script comes
// in where this process did, with a password from a file.
asio::awaitable<Attempt> run_post_bootstrap(Shop& shop, const ActControl& control) {
  if (!shop.bootstrap || shop.bootstrap->post_bootstrap.empty()) co_return Attempt{};
  const Credentials& superuser = shop.config->superuser;
  const PostmasterPid* file = shop.postmaster->file();
  ConnInfo info = local_conninfo(*shop.config, LocalLogin::Superuser, file ? file->socket_dir : "");
  info.remove("password");
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", shop.bootstrap->post_bootstrap + " \"$@\"", "post_bootstrap",
               info.to_string()};
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
  const auto end = co_await run_tool(shop, control, std::move(spec));
  if (!end) {
    Failure failure = end.error();
    failure.text = "bootstrap.post_bootstrap: " + failure.text;
    co_return tl::unexpected(failure);
  }
  co_return Attempt{};
}

asio::awaitable<Attempt> make_roles(Shop& shop, ActControl& control) {
  const auto config = shop.config;
  RoleMaker roles(shop);
  if (auto done = co_await roles.connect(control); !done) co_return done;
  if (!config->superuser.username.empty() && !config->superuser.password.empty())
    if (auto done = co_await roles.ensure(config->superuser, "superuser login"); !done)
      co_return done;
  control.interrupt = nullptr;
  if (auto done = co_await run_post_bootstrap(shop, control); !done) co_return done;
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
  explicit Bootstrapping(Shop& shop) : shop_(shop) { shop_.is_bootstrapping = true; }
  ~Bootstrapping() { shop_.is_bootstrapping = false; }
  Bootstrapping(const Bootstrapping&) = delete;
  Bootstrapping& operator=(const Bootstrapping&) = delete;

 private:
  Shop& shop_;
};

asio::awaitable<Attempt> start_and_fill(Shop& shop, ActControl& control) {
  if (auto done = append_bootstrap_hba(shop); !done) co_return done;
  auto parameters = co_await prepare_files(shop, control, std::nullopt);
  if (!parameters) co_return tl::unexpected(parameters.error());
  if (auto done = set_standby_signal(shop.config->data_dir, false); !done) co_return done;
  auto started =
      co_await start_server(shop, control, std::move(*parameters), Instant::never(), nullptr);
  if (!started) co_return started;
  auto made = co_await make_roles(shop, control);
  control.interrupt = nullptr;
  co_return made;
}

}  // namespace

Act act_bootstrap(Shop& shop, ActControl& control) {
  const Bootstrapping bootstrapping(shop);
  const std::string data_dir = shop.config->data_dir;
  const DirectoryLook look = look_at_data_directory(data_dir);
  if (look.is_ours_unfinished) {
    auto work = [data_dir] { return empty_data_directory(data_dir); };
    auto emptied = co_await on_disk(shop, std::move(work));
    if (!emptied) co_return tl::unexpected(emptied.error());
  } else if (look.state != DataDirectory::Missing)
    co_return failed(
        fmt::format("{} is not empty ({}); a new cluster is made in an empty directory only",
                    data_dir, look.problem.empty() ? "it holds a cluster" : look.problem));
  if (auto made = make_empty_directory(data_dir); !made) co_return tl::unexpected(made.error());
  shop.is_filling_directory = true;
  const auto initialized = co_await run_initdb(shop, control);
  if (!initialized && mark_unfinished(data_dir)) (void)empty_data_directory(data_dir);
  shop.is_filling_directory = false;
  if (!initialized) co_return tl::unexpected(initialized.error());
  const auto filled = co_await start_and_fill(shop, control);
  if (filled) co_return "made a new cluster in " + data_dir;
  // Half made is not made: whoever bootstraps next must find an empty place.
  Failure failure = filled.error();
  ActControl undisturbed;
  if (auto stopped = co_await shop.postmaster->stop(StopMode::Immediate, undisturbed, nullptr);
      !stopped) {
    failure.text += "; then: " + stopped.error().text;
    co_return tl::unexpected(failure);
  }
  const auto aside = set_aside(data_dir);
  failure.text += aside ? "; the unfinished cluster lies in " + *aside : "; " + aside.error().text;
  co_return tl::unexpected(failure);
}

}  // namespace pgherd
