#include "codec/config_keys.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>

#include "codec/postgres_settings.h"

namespace pgherd {
namespace {

// Of a router that shares the file (codec/router_config.cc).
constexpr std::string_view kRouterSection = "router";

// Keys of a section, separated by blanks. `*`: any key is right here, nothing below is looked at.
// A section whose keys are not listed here is a leaf: whatever is below its keys is right.
const std::map<std::string, std::string_view, std::less<>>& sections() {
  static const std::map<std::string, std::string_view, std::less<>> kSections = {
      {"",
       "scope name namespace thread_pool_size thread_stack_size log etcd etcd3 restapi ctl "
       "bootstrap "
       "postgresql tags watchdog citus consul zookeeper exhibitor kubernetes raft"},
      {"log",
       "type level traceback_level format dateformat static_fields max_queue_size dir mode "
       "file_num "
       "file_size loggers deduplicate_heartbeat_logs"},
      {"watchdog", "mode device safety_margin driver"},
      {"ctl", "authentication insecure cacert certfile keyfile keyfile_password table"},
      {"ctl.authentication", "username password"},
      {"citus", "group database"},
      {"etcd3",
       "host hosts url proxy srv srv_suffix discovery_srv srv_domain use_proxies protocol port "
       "username password cacert cert key"},
      {"etcd",
       "host hosts url proxy srv srv_suffix discovery_srv srv_domain use_proxies protocol port "
       "username password cacert cert key version_prefix"},
      {"restapi",
       "listen connect_address thread_pool_size authentication auth certfile keyfile "
       "keyfile_password "
       "cafile ciphers verify_client allowlist allowlist_include_members http_extra_headers "
       "https_extra_headers request_queue_size server_tokens"},
      {"restapi.authentication", "username password"},
      {"bootstrap", "dcs method initdb post_bootstrap post_init pg_hba users"},
      {"bootstrap.dcs",
       "ttl loop_wait retry_timeout maximum_lag_on_failover maximum_lag_on_syncnode "
       "max_timelines_history check_timeline primary_start_timeout master_start_timeout "
       "primary_stop_timeout master_stop_timeout primary_race_backoff synchronous_mode "
       "synchronous_mode_strict synchronous_node_count failsafe_mode pause member_slots_ttl slots "
       "slots_wal_limit permanent_slots permanent_replication_slots ignore_slots standby_cluster "
       "postgresql"},
      {"bootstrap.dcs.standby_cluster",
       "host port primary_slot_name create_replica_methods restore_command archive_cleanup_command "
       "recovery_min_apply_delay"},
      {"postgresql",
       "listen connect_address proxy_address data_dir config_dir pgpass authentication bin_dir "
       "bin_name database config_base_name krbsrvname use_unix_socket use_unix_socket_repl "
       "parameters parameters_primary parameters_replica parameters_standby_leader pg_hba pg_ident "
       "pg_hba_primary pg_hba_replica pg_hba_standby_leader pg_ident_primary pg_ident_replica "
       "pg_ident_standby_leader recovery_conf custom_conf "
       "custom_conf_primary custom_conf_replica custom_conf_standby_leader use_slots use_pg_rewind "
       "rewind diverged_wal_directory diverged_wal_limit "
       "remove_data_directory_on_rewind_failure remove_data_directory_on_diverged_timelines "
       "pg_ctl_timeout callbacks pre_promote before_stop create_replica_methods "
       "create_replica_method basebackup name scope"},
      {"postgresql.bin_name",
       "pg_ctl initdb pg_controldata pg_basebackup postgres pg_isready pg_rewind"},
      {"postgresql.callbacks", "on_start on_stop on_restart on_reload on_role_change"},
      {"postgresql.authentication", "superuser replication rewind"},
      {"postgresql.authentication.*",
       "username password sslmode sslcert sslkey sslpassword sslrootcert sslcrl sslcrldir "
       "gssencmode "
       "channel_binding sslnegotiation"},
  };
  return kSections;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) found.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return found;
}

std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

void add_names(const YamlNode* section, std::string_view naming_key,
               std::vector<std::string>& known) {
  const YamlNode* names = section == nullptr ? nullptr : section->find(naming_key);
  if (names == nullptr) return;
  if (names->kind == YamlNode::Kind::Scalar) known.push_back(names->text);
  for (const auto& [key, name] : names->children)
    known.push_back(name.text);
}

// The ways to create a replica, wherever they are named: each can have a section that a person
// names, in either of the two sections postgresql.
std::vector<std::string> replica_methods_named_in(const YamlNode& root) {
  std::vector<std::string> names;
  const YamlNode* bootstrap = root.find("bootstrap");
  const YamlNode* dcs = bootstrap == nullptr ? nullptr : bootstrap->find("dcs");
  const YamlNode* standby_cluster = dcs == nullptr ? nullptr : dcs->find("standby_cluster");
  add_names(standby_cluster, "create_replica_methods", names);
  for (const YamlNode* top : {&root, dcs}) {
    const YamlNode* section = top == nullptr ? nullptr : top->find("postgresql");
    add_names(section, "create_replica_methods", names);
    add_names(section, "create_replica_method", names);
  }
  return names;
}

bool is_place_for_anchors(std::string_view key) {
  return key.starts_with("x-") || key.starts_with('.');
}

// Named by /config, perhaps, which is not at hand here.
bool is_command_section(const YamlNode& node) {
  return node.kind == YamlNode::Kind::Map && node.find("command") != nullptr;
}

// Where the keys below `key` of the section `table` are listed.
std::string table_below(const std::string& table, const std::string& key) {
  if (table == "bootstrap.dcs" && key == "postgresql") return "postgresql";
  if (table == "postgresql.authentication") return "postgresql.authentication.*";
  return table.empty() ? key : table + "." + key;
}

std::string path_below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

// Calls `take(path, whether it is a section that is described)` for every path of the catalogue.
template <typename Take>
void walk(const std::string& path, const std::string& table, const Take& take) {
  const auto section = sections().find(table);
  if (!path.empty()) take(path, section != sections().end());
  if (section == sections().end()) return;
  for (const std::string& key : words(section->second))
    walk(path_below(path, key), table_below(table, key), take);
}

// The same thing has two names, in one section this, in another that.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kOtherNames = {
    {{"cacert", "cafile"},
     {"cert", "certfile"},
     {"key", "keyfile"},
     {"user", "username"},
     {"data_directory", "data_dir"},
     {"listen_addresses", "listen"},
     {"port", "listen"}}};

std::string other_name_of(std::string_view word, const std::vector<std::string>& known) {
  for (const auto& [one, other] : kOtherNames) {
    if (word != one && word != other) continue;
    const std::string_view meant = word == one ? other : one;
    if (std::find(known.begin(), known.end(), meant) != known.end()) return std::string(meant);
  }
  return {};
}

// Where a word of the catalogue belongs that stands at `path` and is not known there: one level
// below, else the highest place of that name; "" when there is none, or more than one.
std::string home_of(std::string_view word, const std::string& path) {
  const auto depth = [](const std::string& at) { return std::count(at.begin(), at.end(), '.'); };
  std::string home;
  bool is_one_of_many = false;
  std::string below;
  walk("", "", [&](const std::string& candidate, bool) {
    const std::size_t dot = candidate.rfind('.');
    if (candidate.substr(dot == std::string::npos ? 0 : dot + 1) != word) return;
    if (!path.empty() && candidate.starts_with(path + ".") && depth(candidate) == depth(path) + 2)
      below = candidate;
    if (!home.empty() && depth(candidate) > depth(home)) return;
    is_one_of_many = !home.empty() && depth(candidate) == depth(home);
    home = candidate;
  });
  if (!below.empty()) return below;
  return is_one_of_many ? std::string() : home;
}

class Search {
 public:
  explicit Search(const YamlNode& root) : replica_methods_(replica_methods_named_in(root)) {}
  std::vector<UnknownKey> found;

  // `table`: the section in sections() whose keys are right below `path`.
  void look(const YamlNode& node, const std::string& path, const std::string& table) {
    const auto section = sections().find(table);
    if (section == sections().end() || node.kind != YamlNode::Kind::Map) return;
    std::vector<std::string> known = words(section->second);
    if (table == "bootstrap") add_names(&node, "method", known);
    const bool has_methods = table == "postgresql";
    if (has_methods) known.insert(known.end(), replica_methods_.begin(), replica_methods_.end());
    for (const auto& [key, value] : node.children) {
      const std::string below = path_below(path, key);
      const bool is_known = std::find(known.begin(), known.end(), key) != known.end() ||
                            (table.empty() && (is_dynamic_key(key) || key == kRouterSection ||
                                               is_place_for_anchors(key))) ||
                            (has_methods && is_command_section(value));
      if (is_known) {
        look(value, below, table_below(table, key));
      } else {
        found.push_back({.path = below,
                         .origin = value.origin,
                         .nearest = meant(node, path, table, key, known)});
      }
    }
  }

 private:
  static std::string meant(const YamlNode& section, const std::string& path,
                           const std::string& table, const std::string& key,
                           const std::vector<std::string>& known) {
    if (const std::string other = other_name_of(key, known); !other.empty())
      return path_below(path, other);
    if (const std::string nearest = nearest_of(key, known); !nearest.empty())
      return path_below(path, nearest);
    if (table == "postgresql") {
      if (is_controlled_parameter(key) && !is_said_elsewhere(key))
        return "bootstrap.dcs.postgresql.parameters." + key;
      // A heading with nothing below it, and its parameters beside it.
      const YamlNode* parameters = section.find("parameters");
      const bool is_bare = parameters != nullptr && parameters->kind == YamlNode::Kind::Null;
      if (is_bare && section.find(key)->kind == YamlNode::Kind::Scalar)
        return path_below(path, "parameters." + key);
    }
    return home_of(key, path);
  }

  std::vector<std::string> replica_methods_;
};

}  // namespace

bool is_key_of_postgresql(std::string_view key) {
  static const std::vector<std::string> kKeys = words(sections().at("postgresql"));
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  walk("", "", [&](const std::string& path, bool is_section) {
    if (!is_section) keys.push_back(path);
  });
  return keys;
}

std::vector<UnknownKey> unknown_keys_of(const YamlNode& root) {
  Search search(root);
  search.look(root, "", "");
  return search.found;
}

bool is_dynamic_key(std::string_view key) {
  static const std::vector<std::string> kKeys = words(sections().at("bootstrap.dcs"));
  return key != "postgresql" && std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

bool is_other_store(std::string_view section) {
  static const std::set<std::string, std::less<>> kStores = {"consul", "exhibitor", "kubernetes",
                                                             "raft", "zookeeper"};
  return kStores.contains(section);
}

std::string nearest_of(std::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest;
  // Two letters swapped count as two; exclusive.
  std::size_t distance = word.size() < 4 ? 2 : word.size() < 6 ? 3 : 4;
  for (const std::string& candidate : candidates) {
    const std::size_t found = edit_distance(word, candidate);
    if (found < distance) {
      distance = found;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace pgherd
