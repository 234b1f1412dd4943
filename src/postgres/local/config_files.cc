#include "postgres/local/config_files.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;

std::string base_name_of(const PostgresConfig& config) {
  return config.config_base_name + ".base.conf";
}

bool exists(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0;
}

// Files inside follow the directory: readable by the group where PostgreSQL's own are.
mode_t file_mode(const std::string& data_dir) {
  struct stat facts{};
  const bool group_reads = ::stat(data_dir.c_str(), &facts) == 0 && (facts.st_mode & S_IRGRP) != 0;
  return group_reads ? 0640 : 0600;
}

Attempt put(const std::string& path, const std::string& content, mode_t mode) {
  if (const auto present = read_file(path); present && *present == content) return {};
  if (const auto written = write_file_atomically(path, content, mode); !written)
    return failed(written.error().text);
  return {};
}

// A file of the operator's, who may keep it elsewhere and have a link to it here.
Attempt put_behind_link(const std::string& path, const std::string& content, mode_t mode) {
  if (const auto present = read_file(path); present && *present == content) return {};
  if (const auto written = write_file_in_its_place(path, content, mode); !written)
    return failed(written.error().text);
  return {};
}

// postgresql.conf is ours; what an administrator or initdb wrote goes on to hold below it.
Attempt ensure_base(const PostgresConfig& config) {
  const std::string base = config_dir_of(config) + "/" + base_name_of(config);
  if (!config.custom_conf.empty() || exists(base)) return {};
  const std::string conf = conf_path_of(config);
  const auto text = read_file(conf);
  if (text && !is_generated_conf(*text)) {
    if (::rename(conf.c_str(), base.c_str()) == 0) return {};
    return failed(fmt::format("cannot rename {} to {}: {}", conf, base, std::strerror(errno)));
  }
  if (!text && text.error().code != ENOENT) return failed(text.error().text);
  // A configuration directory or a name of its own, never used: what initdb wrote is in the data
  // directory.
  const auto original = read_file(config.data_dir + "/postgresql.conf");
  const bool is_original = original && !is_generated_conf(*original);
  return put(base, is_original ? *original : std::string(), file_mode(config.data_dir));
}

fs::path normal(const std::string& path) {
  return fs::path(path).lexically_normal();
}

bool is_elsewhere(const ParameterMap& parameters, const char* parameter, const std::string& path) {
  const auto set = parameters.find(parameter);
  return set != parameters.end() && normal(set->second) != normal(path);
}

Attempt put_lines(const PostgresConfig& config, const ParameterMap& parameters,
                  const char* parameter, const std::string& name,
                  const std::vector<std::string>& lines) {
  const std::string path = config_dir_of(config) + "/" + name;
  if (is_elsewhere(parameters, parameter, path)) return {};
  if (!lines.empty()) return put_behind_link(path, render_lines(lines), file_mode(config.data_dir));
  if (exists(path)) return {};
  // PostgreSQL does not start without its pg_hba.conf, and warns without the other.
  const auto original = read_file(config.data_dir + "/" + name);
  return put(path, original ? *original : std::string(), file_mode(config.data_dir));
}

Attempt clean_auto_conf(const std::string& data_dir, bool also_sync_names) {
  const std::string path = data_dir + "/postgresql.auto.conf";
  const auto text = read_file(path);
  if (!text) {
    if (text.error().code == ENOENT) return {};
    return failed(text.error().text);
  }
  return put(path, without_recovery_parameters(*text, also_sync_names), file_mode(data_dir));
}

Attempt remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return failed(fmt::format("cannot remove {}: {}", path, std::strerror(errno)));
}

void copy_quietly(const std::string& from, const std::string& to, mode_t mode) {
  const auto text = read_file(from);
  if (!text) {
    if (text.error().code != ENOENT) log_warning("{}", text.error().text);
    return;
  }
  if (auto done = put(to, *text, mode); !done) log_warning("{}", done.error().text);
}

}  // namespace

std::string config_dir_of(const PostgresConfig& config) {
  return config.config_dir.empty() ? config.data_dir : config.config_dir;
}

std::string conf_path_of(const PostgresConfig& config) {
  return config_dir_of(config) + "/" + config.config_base_name + ".conf";
}

std::vector<std::string> config_file_names(const PostgresConfig& config) {
  return {config.config_base_name + ".conf", base_name_of(config), "pg_hba.conf", "pg_ident.conf"};
}

Attempt write_server_files(const PostgresConfig& config, const ParameterMap& parameters,
                           const ParameterMap& recovery,
                           const std::optional<std::string>& sync_names,
                           const ParameterMap& defaults) {
  if (auto base = ensure_base(config); !base) return base;
  std::vector<std::string> included{config.custom_conf.empty() ? base_name_of(config)
                                                               : config.custom_conf};
  if (!config.role_conf.empty()) included.push_back(config.role_conf);
  const std::string text =
      render_postgresql_conf(included, parameters, recovery, sync_names, defaults);
  if (auto done = put(conf_path_of(config), text, file_mode(config.data_dir)); !done) return done;
  if (auto done = put_lines(config, parameters, "hba_file", "pg_hba.conf", config.pg_hba); !done)
    return done;
  if (auto done = put_lines(config, parameters, "ident_file", "pg_ident.conf", config.pg_ident);
      !done)
    return done;
  return clean_auto_conf(config.data_dir, sync_names.has_value());
}

Attempt append_hba_lines(const PostgresConfig& config, const std::vector<std::string>& lines) {
  const std::string path = config_dir_of(config) + "/pg_hba.conf";
  if (lines.empty() || is_elsewhere(server_parameters(config, "", nullptr), "hba_file", path))
    return {};
  // Of a configuration directory of its own, initdb has written nothing into it.
  auto text = read_file(exists(path) ? path : config.data_dir + "/pg_hba.conf");
  if (!text && text.error().code != ENOENT) return failed(text.error().text);
  std::string added = "\n";
  for (const std::string& line : lines)
    added += line + "\n";
  const std::string before = text.value_or("");
  // A directory for the configuration survives a bootstrap that failed.
  if (before.ends_with(added)) return {};
  return put_behind_link(path, before + added, file_mode(config.data_dir));
}

std::optional<std::string> written_sync_names(const PostgresConfig& config) {
  const auto text = read_file(conf_path_of(config));
  if (!text) return std::nullopt;
  const auto configured = config.parameters.find("synchronous_standby_names");
  return managed_sync_names_of(
      *text, configured == config.parameters.end() ? std::string() : configured->second);
}

ParameterMap written_recovery_section(const PostgresConfig& config) {
  const auto text = read_file(conf_path_of(config));
  return text ? recovery_section_of(*text) : ParameterMap{};
}

Attempt set_standby_signal(const std::string& data_dir, bool on) {
  const std::string standby = data_dir + "/standby.signal";
  if (auto removed = remove_file(data_dir + "/recovery.signal"); !removed) return removed;
  if (on) return exists(standby) ? Attempt{} : put(standby, "", file_mode(data_dir));
  if (!exists(standby)) return {};
  if (auto removed = remove_file(standby); !removed) return removed;
  if (const auto synced = sync_directory(data_dir); !synced) return failed(synced.error().text);
  return {};
}

Attempt write_pgpass(const PostgresConfig& config, const Upstream& upstream) {
  const std::string text = pgpass_text(config, upstream);
  if (text.empty()) return {};
  if (config.pgpass.empty())
    return failed(
        "the passwords for replication have no place: this user has no home directory (neither "
        "HOME nor the password database names one); set postgresql.pgpass to a file that it may "
        "write");
  struct stat facts{};
  if (::stat(config.pgpass.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode))
    return failed(fmt::format(
        "{} (postgresql.pgpass) is no regular file: remove it or name another", config.pgpass));
  std::error_code error;
  fs::create_directories(fs::path(config.pgpass).parent_path(), error);
  if (const auto present = read_file(config.pgpass);
      present && *present == text && (facts.st_mode & 0777U) == 0600)
    return {};
  if (const auto written = write_file_in_its_place(config.pgpass, text, 0600); !written)
    return failed(fmt::format(
        "{}; the passwords for replication go there: set postgresql.pgpass to a file in a "
        "directory that this user may write",
        written.error().text));
  return {};
}

Attempt make_socket_directories(const ParameterMap& parameters) {
  const auto found = parameters.find("unix_socket_directories");
  if (found == parameters.end()) return {};
  std::string rest = found->second;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    std::string one = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    one.erase(0, one.find_first_not_of(" \""));
    one.erase(one.find_last_not_of(" \"") + 1);
    std::error_code error;
    if (one.starts_with('/')) fs::create_directories(one, error);
    if (error)
      return failed(fmt::format("cannot make the socket directory {} (unix_socket_directories): {}",
                                one, error.message()));
  }
  return {};
}

void keep_config_copies(const PostgresConfig& config) {
  for (const std::string& name : config_file_names(config))
    copy_quietly(config_dir_of(config) + "/" + name, config.data_dir + "/" + name + ".backup",
                 file_mode(config.data_dir));
}

void restore_config_copies(const PostgresConfig& config) {
  for (const std::string& name : config_file_names(config)) {
    const std::string path = config_dir_of(config) + "/" + name;
    if (!exists(path))
      copy_quietly(config.data_dir + "/" + name + ".backup", path, file_mode(config.data_dir));
  }
}

}  // namespace pgherd
