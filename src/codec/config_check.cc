#include "codec/config_check.h"

#include <algorithm>

#include "codec/config_not_served.h"
#include "codec/config_sources.h"
#include "codec/config_tree.h"
#include "codec/parse_units.h"
#include "codec/yaml_writer.h"

namespace pgherd {
namespace {

using Kind = YamlNode::Kind;

// Right for every key that must be there: a name, a path, an address with its port.
constexpr std::string_view kStandIn = "placeholder:1";
// A configuration has not more mistakes than keys; this ends the search if one cannot be mended.
constexpr int kMistakesMax = 200;

// Takes the node of this path out of the tree. Keys may have dots in them.
bool remove_key(YamlNode& node, std::string_view path) {
  for (auto child = node.children.begin(); child != node.children.end(); ++child) {
    if (child->key == path) {
      node.children.erase(child);
      return true;
    }
    const bool leads_there =
        path.starts_with(child->key) && path.substr(child->key.size()).starts_with('.');
    if (leads_there && remove_key(child->node, path.substr(child->key.size() + 1))) return true;
  }
  return false;
}

void put_stand_in(YamlNode& node, std::string_view path) {
  const std::size_t dot = path.find('.');
  YamlNode& below = node.at(path.substr(0, dot));
  if (dot != std::string_view::npos) return put_stand_in(below, path.substr(dot + 1));
  below = {.kind = Kind::Scalar, .text = std::string(kStandIn)};
}

void list_origins(const YamlNode& node, const std::string& path,
                  std::map<std::string, std::string>& origins) {
  if (node.kind == Kind::Null) return;
  if (!path.empty()) origins[path] = node.origin;
  if (node.kind != Kind::Map) return;
  for (const auto& [key, value] : node.children)
    list_origins(value, path.empty() ? key : path + "." + key, origins);
}

// What cannot be started with at all is told key by key, and taken out so that the rest is looked
// at.
void take_refused_keys(ConfigSources& sources, CheckedConfig& checked) {
  for (const FoundKey& key : keys_not_served(sources.root)) {
    if (key.entry->then != NotServed::Then::Refuse) continue;
    checked.problems.push_back(line_of(key));
    checked.wrong_keys.insert(key.path);
    remove_key(sources.root, key.path);
  }
}

// Mends the tree for what the mistake says of it; false when nothing can be done.
bool mend(const ConfigError& mistake, YamlNode& root, std::set<std::string>& mended) {
  if (mistake.key().empty()) return false;
  if (remove_key(root, mistake.key())) return true;
  if (!mended.insert(mistake.key()).second) return false;
  put_stand_in(root, mistake.key());
  return true;
}

struct Range {
  std::string_view key;
  std::int64_t lowest;
  std::int64_t highest = INT64_MAX;
};
// Patroni's validator has them (validator.py); values beyond are corrected or not used while the
// agent runs. ttl has a lower bound of its own here.
constexpr Range kRanges[] = {
    {"bootstrap.dcs.loop_wait", 1},
    {"bootstrap.dcs.retry_timeout", 1},
    {"bootstrap.dcs.ttl", 2},
    {"bootstrap.dcs.maximum_lag_on_failover", 0},
    {"bootstrap.dcs.maximum_lag_on_syncnode", -1},
    {"bootstrap.dcs.primary_start_timeout", 0},
    {"bootstrap.dcs.master_start_timeout", 0},
    {"bootstrap.dcs.primary_stop_timeout", 0},
    {"bootstrap.dcs.master_stop_timeout", 0},
    {"bootstrap.dcs.synchronous_node_count", 1},
    {"bootstrap.dcs.postgresql.parameters.max_connections", 1, 262143},
    {"bootstrap.dcs.postgresql.parameters.max_locks_per_transaction", 10, INT32_MAX},
    {"bootstrap.dcs.postgresql.parameters.max_prepared_transactions", 0, 262143},
    {"bootstrap.dcs.postgresql.parameters.max_replication_slots", 0, 262143},
    {"bootstrap.dcs.postgresql.parameters.max_wal_senders", 0, 262143},
    {"bootstrap.dcs.postgresql.parameters.max_worker_processes", 0, 262143},
    {"thread_pool_size", 5, INT32_MAX},
    {"restapi.thread_pool_size", 5, INT32_MAX},
};

void judge_ranges(const YamlNode& root, CheckedConfig& checked) {
  for (const Range& range : kRanges) {
    const YamlNode* node = find_at(root, range.key);
    const std::string key(range.key);
    if (node == nullptr || node->kind == Kind::Null || checked.wrong_keys.contains(key)) continue;
    const auto number =
        node->kind == Kind::Scalar ? parse_integer(node->text) : std::optional<std::int64_t>();
    // What is no number has been refused or warned of where it is read.
    if (!number || (*number >= range.lowest && *number <= range.highest)) continue;
    const std::string upper =
        range.highest == INT64_MAX ? std::string(" on") : " to " + std::to_string(range.highest);
    checked.problems.push_back(checked.place_of(key) + " is '" + node->text +
                               "'; allowed is a whole number from " + std::to_string(range.lowest) +
                               upper);
    checked.wrong_keys.insert(key);
    // The warning of what an agent makes of it.
    std::erase_if(checked.loaded.warnings, [&](const std::string& line) {
      return line.starts_with(checked.place_of(key) + " is ");
    });
  }
}

void find_left_to_fill(const YamlNode& root, CheckedConfig& checked) {
  std::string list;
  for (const auto& [key, origin] : checked.origins) {
    const YamlNode* node = find_at(root, key);
    if (node == nullptr || node->kind != Kind::Scalar || node->text != "#FIXME") continue;
    list.append(list.empty() ? "" : ", ").append(key);
  }
  if (!list.empty())
    checked.loaded.warnings.push_back("still to be filled in, #FIXME stands there: " + list);
}

}  // namespace

bool CheckedConfig::has_good(const std::string& key) const {
  if (!origins.contains(key)) return false;
  return std::none_of(wrong_keys.begin(), wrong_keys.end(), [&](const std::string& wrong) {
    return key == wrong || key.starts_with(wrong + ".") || wrong.starts_with(key + ".");
  });
}

std::string CheckedConfig::place_of(const std::string& key) const {
  const auto found = origins.find(key);
  const bool has_place = found != origins.end() && !found->second.empty();
  return (has_place ? found->second + ": " : "") + key;
}

CheckedConfig check_config(const std::string& path,
                           const std::map<std::string, std::string>& environment) {
  ConfigSources sources = read_config_sources(path, environment);
  CheckedConfig checked;
  list_origins(sources.root, "", checked.origins);
  checked.effective_yaml = write_yaml(to_json(sources.root));
  const YamlNode as_written = sources.root;
  take_refused_keys(sources, checked);
  std::set<std::string> mended;
  for (int mistakes = 0; mistakes < kMistakesMax; ++mistakes) {
    try {
      checked.loaded = load_config_tree(sources, environment, ConfigUse::Agent);
      break;
    } catch (const ConfigError& mistake) {
      // A wrong value that is taken out leaves the key missing, which is no second mistake.
      if (mistake.key().empty() || checked.wrong_keys.insert(mistake.key()).second)
        checked.problems.emplace_back(mistake.what());
      if (!mend(mistake, sources.root, mended)) break;
    }
  }
  judge_ranges(as_written, checked);
  find_left_to_fill(as_written, checked);
  return checked;
}

}  // namespace pgherd
