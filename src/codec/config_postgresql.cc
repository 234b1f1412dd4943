// The section `postgresql` of the local configuration (Patroni, YAML Configuration).
#include <algorithm>
#include <filesystem>

#include "codec/config_methods.h"
#include "codec/config_sections.h"
#include "codec/parse_units.h"
#include "codec/postgres_settings.h"
#include "codec/shell_words.h"

namespace pgherd {
namespace {

constexpr std::uint16_t kPostgresPort = 5432;
constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;

Credentials read_user(const Section& user) {
  Credentials credentials{.username = user.text_or("username", ""),
                          .password = user.text_or("password", "")};
  for (const char* keyword :
       {"sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslcrldir",
        "gssencmode", "channel_binding", "sslnegotiation"}) {
    if (const auto value = user.text(keyword)) credentials.options[keyword] = *value;
  }
  return credentials;
}

void read_authentication(const Section& postgresql, PostgresConfig& config,
                         ReadingContext context) {
  const Section authentication = postgresql.section("authentication");
  const Section replication = authentication.section("replication");
  if (context.use == ConfigUse::Agent && replication.text_or("username", "").empty()) {
    replication.refuse_missing("username");
  }
  config.superuser = read_user(authentication.section("superuser"));
  config.replication = read_user(replication);
  if (const Section rewind = authentication.section("rewind"); rewind.exists()) {
    config.rewind = read_user(rewind);
    if (config.rewind->username.empty()) rewind.refuse_missing("username");
  }
}

void read_addresses(const Section& postgresql, PostgresConfig& config, ReadingContext context) {
  const auto listen = postgresql.address("listen", kPostgresPort);
  if (!listen && context.use == ConfigUse::Agent) postgresql.refuse_missing("listen");
  if (listen) config.listen = *listen;
  if (listen && listen->host.empty()) {
    context.warnings.push_back(
        "postgresql.listen names no address: PostgreSQL listens on every one; " +
        ("write *:" + std::to_string(listen->port)) +
        " if that is meant, or the address before the colon");
  }
  if (const auto connect = postgresql.address("connect_address", kPostgresPort)) {
    refuse_every_address(postgresql, "connect_address", *connect, context);
    config.connect_address = to_string(*connect);
  } else if (listen) {
    const bool is_open = listen->host.empty() || listen->host.find('*') != std::string::npos ||
                         listen->host.find("0.0.0.0") != std::string::npos;
    ListenAddress local{.host = listen->host.substr(0, listen->host.find(',')),
                        .port = listen->port};
    if (is_open) local.host = "localhost";
    config.connect_address = to_string(local);
    if (is_open) {
      context.warnings.push_back(
          "postgresql.connect_address is missing and postgresql.listen names no single host: "
          "standbys and clients will be told localhost, which they cannot reach");
    }
  }
  if (const auto proxy = postgresql.address("proxy_address", kPostgresPort)) {
    refuse_every_address(postgresql, "proxy_address", *proxy, context);
    config.proxy_address = to_string(*proxy);
  }
}

std::string as_parameter(std::string_view text, const YamlNode& node) {
  // `ssl: yes` is a boolean to YAML; PostgreSQL shows booleans as on and off. It does not know how
  // else YAML writes numbers (1_024, 1:30).
  if (!node.is_quoted) {
    const Json resolved = resolve_plain(text);
    if (resolved.is_boolean()) return resolved.get<bool>() ? "on" : "off";
    if (resolved.is_number_integer()) return write_json(resolved);
  }
  return std::string(text);
}

std::map<std::string, std::string> read_parameters(const Section& postgresql,
                                                   const std::string& key, ReadingContext context) {
  const Section section = postgresql.section(key);
  std::map<std::string, std::string> parameters;
  if (!section.exists()) return parameters;
  std::string refused;
  std::string said_elsewhere;
  for (const auto& [written, node] : section.node()->children) {
    if (node.kind == YamlNode::Kind::Null) continue;
    const std::string name = parameter_name(written);
    if (is_said_elsewhere(name)) {
      said_elsewhere.append(said_elsewhere.empty() ? "" : ", ").append(name);
    } else if (is_controlled_parameter(name)) {
      refused.append(refused.empty() ? "" : ", ").append(name);
    } else {
      parameters[name] = as_parameter(*section.text(written), node);
    }
  }
  if (!said_elsewhere.empty()) {
    context.warnings.push_back("postgresql." + key + " of the local configuration cannot set " +
                               said_elsewhere +
                               ": made from scope and postgresql.listen, data_dir, config_dir");
  }
  if (!refused.empty()) {
    context.warnings.push_back(
        "postgresql." + key + " of the local configuration cannot set " + refused +
        ": they must be the same on all members; set them in the dynamic configuration");
  }
  return parameters;
}

// Other programs are told these paths, and some run elsewhere.
std::string whole_path(const Section& section, std::string_view key) {
  std::string path = section.text_or(key, "");
  if (path.empty()) return path;
  path = std::filesystem::absolute(path).string();
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  return path;
}

// As the reference has it: no dot. PostgreSQL is told the path, so it must be a whole one.
std::string default_pgpass(std::string home) {
  if (!home.starts_with('/')) return {};
  while (home.ends_with('/'))
    home.pop_back();
  return home + "/pgpass";
}

std::map<ServerRole, RoleConfig> read_roles(const Section& postgresql, ReadingContext context) {
  std::map<ServerRole, RoleConfig> roles;
  for (const auto& [role, suffix] : kRoleSuffixes) {
    const std::string end(suffix);
    RoleConfig own{.custom_conf = postgresql.text_or("custom_conf" + end, ""),
                   .parameters = read_parameters(postgresql, "parameters" + end, context),
                   .pg_hba = postgresql.lines("pg_hba" + end),
                   .pg_ident = postgresql.lines("pg_ident" + end)};
    if (own != RoleConfig{}) roles[role] = std::move(own);
  }
  return roles;
}

std::map<std::string, std::string> read_bin_names(const Section& names) {
  std::map<std::string, std::string> read;
  for (const std::string_view program : kNamedPrograms)
    if (std::string name = names.text_or(program, ""); !name.empty() && name != program)
      read[std::string(program)] = std::move(name);
  return read;
}

CommandWords read_command(const Section& section, std::string_view key) {
  const auto words = shell_words(section.text_or(key, ""));
  if (!words) section.refuse(key, "a command in which every quote is closed");
  return *words;
}

std::map<CallbackAction, CommandWords> read_callbacks(const Section& callbacks) {
  std::map<CallbackAction, CommandWords> commands;
  for (const auto& [action, name] : kCallbackNames) {
    CommandWords words = read_command(callbacks, name);
    if (!words.empty()) commands[action] = std::move(words);
  }
  return commands;
}

}  // namespace

PostgresConfig read_postgresql(const Section& postgresql, const std::string& home,
                               ReadingContext context) {
  PostgresConfig config;
  if (postgresql.exists()) {
    for (const auto& child : postgresql.node()->children) {
      if (child.node.kind != YamlNode::Kind::Null) config.set_locally.insert(child.key);
    }
  }
  read_addresses(postgresql, config, context);
  config.data_dir = whole_path(postgresql, "data_dir");
  if (config.data_dir.empty() && context.use == ConfigUse::Agent) {
    postgresql.refuse_missing("data_dir");
  }
  config.config_dir = whole_path(postgresql, "config_dir");
  config.bin_dir = whole_path(postgresql, "bin_dir");
  config.bin_names = read_bin_names(postgresql.section("bin_name"));
  config.database = postgresql.text_or("database", config.database);
  config.config_base_name = postgresql.text_or("config_base_name", config.config_base_name);
  if (config.config_base_name.empty() || config.config_base_name.find('/') != std::string::npos)
    postgresql.refuse("config_base_name", "the name of a file without its folder and its .conf");
  config.krbsrvname = postgresql.text_or("krbsrvname", "");
  config.pgpass = whole_path(postgresql, "pgpass");
  if (config.pgpass.empty()) config.pgpass = default_pgpass(home);
  read_authentication(postgresql, config, context);
  config.use_unix_socket = postgresql.flag("use_unix_socket").value_or(false);
  config.use_unix_socket_repl = postgresql.flag("use_unix_socket_repl").value_or(false);
  config.parameters = read_parameters(postgresql, "parameters", context);
  config.pg_hba = postgresql.lines("pg_hba");
  config.pg_ident = postgresql.lines("pg_ident");
  config.recovery_conf = postgresql.text_map("recovery_conf");
  config.custom_conf = postgresql.text_or("custom_conf", "");
  config.by_role = read_roles(postgresql, context);
  config.basebackup = postgresql.options("basebackup");
  config.rewind_options = postgresql.options("rewind");
  config.diverged_wal_directory = whole_path(postgresql, "diverged_wal_directory");
  if (const std::string limit = postgresql.text_or("diverged_wal_limit", ""); !limit.empty()) {
    const auto bytes = parse_memory(limit, kMegabyte);
    if (!bytes || *bytes < 0)
      postgresql.refuse("diverged_wal_limit", "a size, as in 512MB; 0: off");
    config.diverged_wal_limit = *bytes;
  }
  read_replica_methods(postgresql, config);
  for (std::string& remark :
       remarks_on_methods(config.create_replica_methods, config.replica_methods,
                          "postgresql.create_replica_methods"))
    context.warnings.push_back(std::move(remark));
  config.pg_ctl_timeout =
      Seconds(postgresql.integer_or("pg_ctl_timeout", config.pg_ctl_timeout / 1s));
  config.callbacks = read_callbacks(postgresql.section("callbacks"));
  config.pre_promote = read_command(postgresql, "pre_promote");
  config.before_stop = read_command(postgresql, "before_stop");
  return config;
}

LocalOverrides read_overrides(const Section& postgresql) {
  return {.use_pg_rewind = postgresql.flag("use_pg_rewind"),
          .remove_data_directory_on_rewind_failure =
              postgresql.flag("remove_data_directory_on_rewind_failure"),
          .remove_data_directory_on_diverged_timelines =
              postgresql.flag("remove_data_directory_on_diverged_timelines")};
}

}  // namespace pgherd
