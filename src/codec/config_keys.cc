#include "codec/config_keys.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>

#include "codec/config_table.h"
#include "codec/postgres_settings.h"

namespace pgherd {
namespace {

// Of a router that shares the file (codec/router_config.cc).
constexpr std::string_view kRouterSection = "router";

// The keys of each section. A section that is not here is a leaf: whatever is below it is right.
using Sections = std::map<std::string, std::vector<std::string>, std::less<>>;

std::string path_below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

void add_key(std::vector<std::string>& keys, std::string_view key) {
  if (key == "*") {
    for (const char* user : {"superuser", "replication", "rewind"})
      add_key(keys, user);
  } else if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
    keys.emplace_back(key);
  }
}

void add_path(std::string_view path, Sections& sections) {
  std::string section;
  while (true) {
    const std::size_t dot = path.find('.');
    const std::string key(path.substr(0, dot));
    add_key(sections[section], key);
    if (dot == std::string_view::npos) return;
    section = path_below(section, key);
    path.remove_prefix(dot + 1);
  }
}

// What stands below a key that holds any others, as of `tags`.
bool is_one_of_any(std::string_view path) {
  const std::string_view section = path.substr(0, std::min(path.rfind('.'), path.size()));
  return section != path && std::any_of(config_table().begin(), config_table().end(),
                                        [&](const KnownKey& key) { return key.path == section; });
}

Sections make_sections() {
  Sections sections;
  for (const KnownKey& key : config_table())
    if (!is_one_of_any(key.path)) add_path(key.path, sections);
  for (const std::string& key : sections.at("etcd3"))
    add_key(sections["etcd"], key);
  // Its keys are those of the section of the top.
  add_key(sections.at("bootstrap.dcs"), "postgresql");
  return sections;
}

const Sections& sections() {
  static const Sections kSections = make_sections();
  return kSections;
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

// Calls `take(path, whether it is a section that is described)` for every path of the catalogue.
template <typename Take>
void walk(const std::string& path, const std::string& table, const Take& take) {
  const auto section = sections().find(table);
  if (!path.empty()) take(path, section != sections().end());
  if (section == sections().end()) return;
  for (const std::string& key : section->second)
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
    std::vector<std::string> known = section->second;
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
  const std::vector<std::string>& keys = sections().at("postgresql");
  return std::find(keys.begin(), keys.end(), key) != keys.end();
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
  const std::vector<std::string>& keys = sections().at("bootstrap.dcs");
  return key != "postgresql" && std::find(keys.begin(), keys.end(), key) != keys.end();
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
