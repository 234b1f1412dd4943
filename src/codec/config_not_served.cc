#include "codec/config_not_served.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/config_keys.h"
#include "codec/config_table.h"

namespace pgherd {
namespace {

using Kind = YamlNode::Kind;
constexpr auto kWarn = NotServed::Then::Warn;
constexpr auto kRefuse = NotServed::Then::Refuse;
constexpr auto kAccept = NotServed::Then::Accept;

constexpr std::string_view kDynamic = "bootstrap.dcs.";
constexpr std::string_view kInPostgresql = "postgresql.";

constexpr std::string_view kOneStore = "etcd3 is used, no other store is known";
constexpr std::string_view kNoPool = "no thread waits for a request";
constexpr std::string_view kDynamicOnly =
    "the dynamic configuration sets it (bootstrap.dcs before the cluster exists, edit-config "
    "after)";
constexpr std::string_view kLocalOnly = "the local configuration sets it";

bool says_nothing_else(const YamlNode& node, std::string_view harmless) {
  switch (node.kind) {
    case Kind::Null:
      return true;
    case Kind::Scalar:
      return node.text.empty() || node.text == harmless;
    case Kind::Map:
    case Kind::List:
      return std::all_of(node.children.begin(), node.children.end(), [&](const auto& child) {
        return says_nothing_else(child.node, harmless);
      });
  }
  return false;
}

// Sections that variables have made have no place of their own.
std::string origin_of(const YamlNode& node) {
  if (!node.origin.empty() || node.children.empty()) return node.origin;
  return origin_of(node.children.front().node);
}

void look(const YamlNode& root, const std::string& path, const NotServed& entry,
          std::vector<FoundKey>& found) {
  const YamlNode* node = find_at(root, path);
  if (entry.then == kAccept || node == nullptr || says_nothing_else(*node, entry.harmless)) return;
  found.push_back({.path = path, .origin = origin_of(*node), .entry = &entry});
}

// Keys of `postgresql` that one of the two configurations alone may set, in the other one.
std::vector<NotServed> keys_in_the_wrong_place() {
  std::vector<NotServed> found;
  std::string last;
  for (const KnownKey& key : config_table()) {
    if (!key.path.starts_with(kInPostgresql) || key.is_shared || key.read == WhenRead::Never)
      continue;
    const std::string path(key.path.substr(0, key.path.find('.', kInPostgresql.size())));
    if (path == std::exchange(last, path)) continue;
    if (key.read == WhenRead::AtOnce) {
      found.push_back({path, kWarn, kDynamicOnly, ""});
    } else {
      found.push_back({std::string(kDynamic) + path, kWarn, kLocalOnly, ""});
    }
  }
  return found;
}

std::vector<NotServed> make_table() {
  const std::vector<NotServed> others = {
      {"thread_pool_size", kWarn, kNoPool, ""},
      {"thread_stack_size", kWarn, kNoPool, ""},
      {"log.traceback_level", kAccept, "errors are told with their cause in one line", ""},
      {"citus", kRefuse, "Citus is not known: this node would be of another cluster", ""},
      {"consul", kRefuse,
       "no other store than etcd is known, and Patroni would use this one: keep the section etcd3 "
       "alone",
       ""},
      {"exhibitor", kWarn, kOneStore, ""},
      {"kubernetes", kWarn, kOneStore, ""},
      {"raft", kWarn, kOneStore, ""},
      {"zookeeper", kWarn, kOneStore, ""},
      {"etcd.version_prefix", kWarn, "etcd's v3 interface has one path", ""},
      {"restapi.thread_pool_size", kWarn, kNoPool, ""},
      {"bootstrap.users", kWarn,
       "no users are made, and Patroni makes none since 4.0 either; let bootstrap.post_bootstrap "
       "make them",
       ""},
      {"postgresql.scope", kWarn, "the scope of the top counts", ""},
      {"postgresql.bin_name.pg_ctl", kWarn, "PostgreSQL is started without it", "pg_ctl"},
      {"postgresql.bin_name.pg_isready", kWarn, "PostgreSQL is asked without it", "pg_isready"},
      {"postgresql.bin_name.pg_controldata", kWarn, "pg_control is read without it",
       "pg_controldata"},
  };
  std::vector<NotServed> table = keys_in_the_wrong_place();
  table.insert(table.end(), others.begin(), others.end());
  return table;
}

// `/config` as the local file has it; nothing, if it cannot be read.
YamlNode as_local(std::string_view config_json) {
  YamlNode root{.kind = Kind::Map};
  try {
    // JSON is YAML; only names and texts are looked at.
    root.at("bootstrap").at("dcs") = read_yaml(std::string(config_json), "/config");
  } catch (const YamlError&) {
    return YamlNode{.kind = Kind::Map};
  }
  return root;
}

}  // namespace

const std::vector<NotServed>& not_served() {
  static const std::vector<NotServed> kTable = make_table();
  return kTable;
}

std::vector<FoundKey> keys_not_served(const YamlNode& root) {
  std::vector<FoundKey> found;
  for (const NotServed& entry : not_served()) {
    look(root, entry.path, entry, found);
    const bool is_dynamic_too =
        entry.path.starts_with(kInPostgresql) && entry.instead != kDynamicOnly;
    if (is_dynamic_too) look(root, std::string(kDynamic) + entry.path, entry, found);
  }
  return found;
}

std::string line_of(const FoundKey& key) {
  return key.origin + ": " + key.path + " is not served: " + std::string(key.entry->instead);
}

std::vector<std::string> dynamic_keys_not_served(std::string_view config_json) {
  std::vector<std::string> lines;
  for (const FoundKey& key : keys_not_served(as_local(config_json))) {
    lines.push_back("dynamic configuration: " + key.path.substr(kDynamic.size()) +
                    " is not served: " + std::string(key.entry->instead));
  }
  return lines;
}

std::string dynamic_keys_unknown(std::string_view config_json) {
  std::string list;
  for (const UnknownKey& key : unknown_keys_of(as_local(config_json))) {
    list.append(list.empty() ? "" : ", ").append(key.path.substr(kDynamic.size()));
    if (key.nearest.starts_with(kDynamic))
      list.append(" (did you mean " + key.nearest.substr(kDynamic.size()) + "?)");
  }
  return list;
}

}  // namespace pgherd
