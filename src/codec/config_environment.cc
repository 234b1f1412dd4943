#include "codec/config_environment.h"

#include <algorithm>
#include <array>
#include <optional>

#include "codec/config.h"
#include "codec/config_keys.h"
#include "codec/text_file.h"

namespace pgherd {
namespace {

constexpr std::string_view kPrefix = "PATRONI_";

enum class Holds {
  Text,
  Words,  // a YAML list in either style, or words between commas
  Form,   // without a %( a YAML list in either style, brackets optional
  Map,    // a YAML map in either style, braces optional
};

struct Variable {
  std::string name;  // without the prefix
  std::string path;
  Holds holds = Holds::Text;
  bool is_patronis = true;
};

std::string upper(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return made;
}

void add_section(std::vector<Variable>& table, const std::string& name, const std::string& section,
                 std::initializer_list<std::string_view> keys, bool is_patronis = true) {
  for (const std::string_view key : keys) {
    table.push_back({.name = name + "_" + upper(key),
                     .path = section + "." + std::string(key),
                     .is_patronis = is_patronis});
  }
}

std::vector<Variable> make_table() {
  std::vector<Variable> table;
  for (const char* key : {"name", "namespace", "scope", "thread_pool_size", "thread_stack_size"}) {
    table.push_back({.name = upper(key), .path = key});
  }
  // The older names of three; listed first, so that the newer ones are set over them.
  table.push_back({.name = "LOGLEVEL", .path = "log.level"});
  table.push_back({.name = "LOGFORMAT", .path = "log.format", .holds = Holds::Form});
  table.push_back({.name = "LOG_DATEFMT", .path = "log.dateformat"});
  // As guides for Docker Compose call the logins of PostgreSQL.
  add_section(table, "POSTGRESQL", "postgresql.authentication.superuser", {"username", "password"},
              false);
  add_section(table, "POSTGRESQL_REPLICATION", "postgresql.authentication.replication",
              {"username", "password"}, false);
  add_section(table, "LOG", "log",
              {"type", "level", "traceback_level", "dateformat", "max_queue_size", "dir", "mode",
               "file_size", "file_num", "deduplicate_heartbeat_logs"});
  table.push_back({.name = "LOG_FORMAT", .path = "log.format", .holds = Holds::Form});
  table.push_back({.name = "LOG_STATIC_FIELDS", .path = "log.static_fields", .holds = Holds::Map});
  table.push_back({.name = "LOG_LOGGERS", .path = "log.loggers", .holds = Holds::Map});
  add_section(table, "RESTAPI", "restapi",
              {"listen", "connect_address", "thread_pool_size", "certfile", "keyfile",
               "keyfile_password", "cafile", "ciphers", "verify_client",
               "allowlist_include_members", "request_queue_size", "server_tokens"});
  table.push_back(
      {.name = "RESTAPI_ALLOWLIST", .path = "restapi.allowlist", .holds = Holds::Words});
  table.push_back({.name = "RESTAPI_HTTP_EXTRA_HEADERS",
                   .path = "restapi.http_extra_headers",
                   .holds = Holds::Map});
  table.push_back({.name = "RESTAPI_HTTPS_EXTRA_HEADERS",
                   .path = "restapi.https_extra_headers",
                   .holds = Holds::Map});
  add_section(table, "RESTAPI", "restapi.authentication", {"username", "password"});
  add_section(table, "CTL", "ctl",
              {"insecure", "cacert", "certfile", "keyfile", "keyfile_password"});
  add_section(table, "CTL", "ctl", {"table"}, false);
  add_section(table, "CTL", "ctl.authentication", {"username", "password"});
  add_section(table, "POSTGRESQL", "postgresql",
              {"listen", "connect_address", "proxy_address", "config_dir", "data_dir", "pgpass",
               "bin_dir"});
  add_section(table, "POSTGRESQL_BIN", "postgresql.bin_name",
              {"pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "postgres", "pg_isready",
               "pg_rewind"});
  for (const std::string user : {"superuser", "replication", "rewind"}) {
    add_section(
        table, upper(user), "postgresql.authentication." + user,
        {"username", "password", "sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert",
         "sslcrl", "sslcrldir", "gssencmode", "channel_binding", "sslnegotiation"});
  }
  for (const std::string store : {"etcd", "etcd3"}) {
    add_section(table, upper(store), store,
                {"host", "url", "proxy", "srv", "srv_suffix", "use_proxies", "protocol", "port",
                 "cacert", "cert", "key", "username", "password"});
    table.push_back(
        {.name = upper(store) + "_HOSTS", .path = store + ".hosts", .holds = Holds::Words});
  }
  add_section(table, "CITUS", "citus", {"group", "database"});
  return table;
}

const std::vector<Variable>& table() {
  static const std::vector<Variable> kTable = make_table();
  return kTable;
}

// What images of PostgreSQL call it. Others set these for purposes of their own, so they count only
// where nothing else says it.
const std::vector<Variable>& borrowed() {
  static const std::vector<Variable> kBorrowed = {
      {.name = "POSTGRES_PASSWORD", .path = "postgresql.authentication.superuser.password"},
      {.name = "PGDATA", .path = "postgresql.data_dir"}};
  return kBorrowed;
}

// Meant for somebody else: names handled by other rooms or by the proxy beside us.
bool is_known_elsewhere(std::string_view name) {
  constexpr std::array<std::string_view, 4> kPrefixes = {"CONFIGURATION", "RETRIABLE_HTTP_CODES",
                                                         "VERSION", "RESTAPI_AUTH_HEADER"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// The content without the line break that editors and secret stores leave at its end.
std::string file_content(const std::string& variable, const std::string& path) {
  Result<std::string, std::string> text = read_text_file(path);
  if (!text) {
    throw ConfigError("variable " + variable + ": " + text.error() +
                      "; name a readable file that holds the value");
  }
  while (text->ends_with('\n') || text->ends_with('\r'))
    text->pop_back();
  return *text;
}

struct Setting {
  std::string value;
  std::string origin;
};

// The value of a variable: its own, or the content of the file that `<name>_FILE` names.
std::optional<Setting> setting_of(const std::string& name,
                                  const std::map<std::string, std::string>& environment) {
  const auto value = environment.find(name);
  if (value != environment.end() && !value->second.empty()) {
    return Setting{.value = value->second, .origin = "variable " + name};
  }
  const auto file = environment.find(name + "_FILE");
  if (file == environment.end() || file->second.empty()) return std::nullopt;
  std::string content = file_content(name + "_FILE", file->second);
  if (content.empty()) {
    throw ConfigError("variable " + name + "_FILE: " + file->second +
                      " is empty; write the value into it");
  }
  return Setting{.value = std::move(content), .origin = file->second + " (" + name + "_FILE)"};
}

std::string_view without_blanks_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

YamlNode text_node(const Setting& setting) {
  return {.kind = YamlNode::Kind::Scalar, .text = setting.value, .origin = setting.origin};
}

std::optional<YamlNode> yaml_of(const std::string& text, const Setting& setting,
                                YamlNode::Kind kind) {
  try {
    YamlNode node = read_yaml(text, setting.origin);
    if (node.kind == kind) return node;
  } catch (const YamlError&) {  // whoever asks says what else it may be
    return std::nullopt;
  }
  return std::nullopt;
}

bool looks_like_a_list(const std::string& value) {
  const std::string_view begin = without_blanks_before(value);
  return begin.starts_with('-') || begin.starts_with('[');
}

// What is no list in YAML may still be words between commas: [::1]:2379, [::2]:2379.
YamlNode words_of(const Setting& setting) {
  if (looks_like_a_list(setting.value))
    if (auto list = yaml_of(setting.value, setting, YamlNode::Kind::List)) return *list;
  return text_node(setting);
}

YamlNode form_of(const Setting& setting) {
  if (setting.value.find("%(") != std::string::npos) return text_node(setting);
  const bool is_list = looks_like_a_list(setting.value);
  try {
    return read_yaml(is_list ? setting.value : "[" + setting.value + "]", setting.origin);
  } catch (const YamlError& problem) {
    throw ConfigError(std::string(problem.what()) +
                      "; allowed is a text with %(name)s in it, or a list of names");
  }
}

YamlNode map_of(const Setting& setting) {
  const bool has_braces = without_blanks_before(setting.value).starts_with('{');
  const std::string flow = has_braces ? setting.value : "{" + setting.value + "}";
  if (auto map = yaml_of(flow, setting, YamlNode::Kind::Map)) return *map;
  // A line for each name: Patroni drops the whole.
  if (auto map = yaml_of(setting.value, setting, YamlNode::Kind::Map)) return *map;
  try {
    return read_yaml(flow, setting.origin);
  } catch (const YamlError& problem) {
    throw ConfigError(std::string(problem.what()) + "; allowed is a map like 'name: value, ...'");
  }
}

YamlNode node_of(const Variable& variable, const Setting& setting) {
  switch (variable.holds) {
    case Holds::Text:
      return text_node(setting);
    case Holds::Words:
      return words_of(setting);
    case Holds::Form:
      return form_of(setting);
    case Holds::Map:
      return map_of(setting);
  }
  return text_node(setting);
}

YamlNode& place_of(YamlNode& root, std::string_view path) {
  YamlNode* place = &root;
  while (true) {
    const std::size_t dot = path.find('.');
    place = &place->at(path.substr(0, dot));
    if (dot == std::string_view::npos) return *place;
    path.remove_prefix(dot + 1);
  }
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return made;
}

// A variable of a store that is not ours makes that store's section, as a file would: what becomes
// of it is judged in one place. False: `name` (without prefix) is none.
bool take_other_store(std::string_view name, const std::string& value, YamlNode& root) {
  const std::size_t underscore = name.find('_');
  if (underscore == std::string_view::npos) return false;
  const std::string store = lower(name.substr(0, underscore));
  if (!is_other_store(store)) return false;
  if (value.empty()) return true;
  place_of(root, store + "." + lower(name.substr(underscore + 1))) = {
      .kind = YamlNode::Kind::Scalar,
      .text = value,
      .origin = "variable " + std::string(kPrefix) + std::string(name)};
  return true;
}

bool is_variable(std::string_view name) {
  return std::any_of(table().begin(), table().end(),
                     [&](const Variable& variable) { return variable.name == name; });
}

}  // namespace

EnvironmentTree read_environment(const std::map<std::string, std::string>& environment) {
  EnvironmentTree tree;
  tree.root.kind = YamlNode::Kind::Map;
  tree.fallback.kind = YamlNode::Kind::Map;
  for (const Variable& variable : table()) {
    const auto setting = setting_of(std::string(kPrefix) + variable.name, environment);
    if (setting) place_of(tree.root, variable.path) = node_of(variable, *setting);
  }
  for (const Variable& variable : borrowed()) {
    const auto setting = setting_of(variable.name, environment);
    if (setting) place_of(tree.fallback, variable.path) = node_of(variable, *setting);
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    std::string_view rest = std::string_view(name).substr(kPrefix.size());
    const bool is_file = rest.ends_with("_FILE");
    if (is_variable(rest) || is_known_elsewhere(rest)) continue;
    if (take_other_store(rest, value, tree.root)) continue;
    if (is_file && is_variable(rest.substr(0, rest.size() - 5))) continue;
    tree.unknown.push_back(name);
  }
  return tree;
}

std::vector<EnvironmentVariable> environment_variables() {
  std::vector<EnvironmentVariable> all;
  for (const Variable& variable : borrowed())
    all.push_back(
        {.name = variable.name, .path = variable.path, .is_patronis = false, .is_fallback = true});
  for (const Variable& variable : table())
    all.push_back({.name = std::string(kPrefix) + variable.name,
                   .path = variable.path,
                   .is_patronis = variable.is_patronis});
  return all;
}

std::string variable_for(std::string_view path) {
  // From the end: the newer of two names.
  const auto found = std::find_if(table().rbegin(), table().rend(),
                                  [&](const Variable& variable) { return variable.path == path; });
  return found == table().rend() ? "" : std::string(kPrefix) + found->name;
}

}  // namespace pgherd
