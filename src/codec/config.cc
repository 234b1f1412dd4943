#include "codec/config.h"

#include <algorithm>

#include "codec/config_keys.h"
#include "codec/config_letters.h"
#include "codec/config_not_served.h"
#include "codec/config_sections.h"
#include "codec/config_sources.h"
#include "codec/config_tree.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"
#include "codec/parse_units.h"
#include "codec/postgres_settings.h"

namespace pgherd {
namespace {

// Reserved by the reference for "no synchronous standby is there".
constexpr std::string_view kPlaceholder = "__patroni_strict_sync_replica_placeholder__";

void find_unknown_keys(const ConfigSources& sources, LoadedConfig& loaded) {
  std::string list;
  const auto add = [&](const std::string& key, const std::string& remark) {
    loaded.unknown_keys.push_back(key);
    list.append(list.empty() ? "" : ", ").append(key);
    if (!remark.empty()) list.append(" (").append(remark).append(")");
  };
  for (const UnknownKey& key : unknown_keys_of(sources.root)) {
    const std::string hint = key.nearest.empty() ? "" : ", did you mean " + key.nearest + "?";
    add(key.path, key.origin + hint);
  }
  for (const std::string& variable : sources.unknown_variables)
    add(variable, "variable");
  if (!list.empty()) {
    loaded.warnings.push_back("unknown configuration keys are ignored: " + list);
  }
}

void find_misplaced_keys(const YamlNode& root, LoadedConfig& loaded) {
  std::string list;
  for (const auto& [key, value] : root.children) {
    if (is_dynamic_key(key)) list.append(list.empty() ? "" : ", ").append(key);
  }
  if (list.empty()) return;
  loaded.warnings.push_back("ignored in the local configuration: " + list +
                            "; the dynamic configuration sets them (bootstrap.dcs before the "
                            "cluster exists, edit-config after)");
}

// Nothing that was asked for is left out without a word.
void judge_keys_not_served(const YamlNode& root, ConfigUse use, LoadedConfig& loaded) {
  std::string refused;
  for (const FoundKey& key : keys_not_served(root)) {
    const std::string line = line_of(key);
    if (key.entry->then == NotServed::Then::Warn || use == ConfigUse::Ctl) {
      loaded.warnings.push_back(line);
    } else {
      refused.append(refused.empty() ? "" : "; ").append(line);
    }
  }
  if (!refused.empty()) throw ConfigError(refused + ". Without what is named here it would start");
}

std::string seconds_text(Milliseconds value) {
  std::string text = std::to_string(value / 1s);
  if (value % 1s != 0ms) text += "." + std::to_string((value % 1s) / 100ms);
  return text + " s";
}

// What is given in bootstrap.dcs and does not fit is stored as it is, and adjusted by each reader.
void warn_of_adjusted_timeouts(const Section& dcs, LoadedConfig& loaded) {
  const Settings& settings = loaded.initial_settings;
  const std::pair<const char*, Milliseconds> timeouts[] = {
      {"ttl", settings.ttl},
      {"loop_wait", settings.loop_wait},
      {"retry_timeout", settings.retry_timeout}};
  for (const auto& [key, effective] : timeouts) {
    if (!dcs.has(key)) continue;
    const std::optional<std::int64_t> said = parse_integer(dcs.find(key)->text);
    if (!said || effective == Seconds(*said)) continue;
    loaded.warnings.push_back("bootstrap.dcs." + std::string(key) + " " + std::to_string(*said) +
                              " does not satisfy loop_wait + 2*retry_timeout <= ttl or is too "
                              "small; " +
                              seconds_text(effective) + " is in force");
  }
}

// Those of the store are told once it is read; these may never get there.
void warn_of_unusable_values(const Section& dcs, LoadedConfig& loaded) {
  if (!dcs.exists()) return;
  for (const DynamicRemark& remark : values_not_usable(loaded.config.bootstrap->dcs_json)) {
    const YamlNode* value = find_at(*dcs.node(), remark.key);
    loaded.warnings.push_back((value == nullptr ? "" : value->origin + ": ") +
                              dcs.path_of(remark.text()));
  }
}

void read_initial_settings(const Section& bootstrap, LoadedConfig& loaded) {
  if (!loaded.config.bootstrap) return;
  const auto settings = decode_settings(loaded.config.bootstrap->dcs_json);
  if (!settings) {
    // The error begins with its key.
    const YamlNode* place = bootstrap.find("dcs");
    if (place != nullptr) {
      const std::string key = settings.error().substr(0, settings.error().find_first_of(" ."));
      if (const YamlNode* value = place->find(key)) place = value;
    }
    throw ConfigError(
        (place == nullptr ? "" : place->origin + ": ") + "bootstrap.dcs." + settings.error(),
        "bootstrap.dcs." + settings.error().substr(0, settings.error().find(' ')));
  }
  loaded.initial_settings = *settings;
  const Section dcs = bootstrap.section("dcs");
  warn_of_unusable_values(dcs, loaded);
  warn_of_adjusted_timeouts(dcs, loaded);
}

void read_names(const Section& root, ConfigUse use, AgentConfig& config) {
  const bool is_agent = use == ConfigUse::Agent;
  config.scope = is_agent ? root.required_text("scope") : root.text_or("scope", "");
  const Section postgresql = root.section("postgresql");
  config.name = root.text_or("name", postgresql.text_or("name", ""));
  if (config.name.empty() && is_agent) root.refuse_missing("name");
  if (config.name == kPlaceholder) root.refuse("name", "any name but this one, which is reserved");
  constexpr std::size_t kLongestName = 63;
  if (is_agent && config.name.size() > kLongestName) {
    root.refuse("name", "a name of at most 63 bytes (this one has " +
                            std::to_string(config.name.size()) +
                            "): PostgreSQL cuts what is longer, and would never know this node as "
                            "a synchronous standby");
  }
  config.name_space = read_namespace(root, config.name_space);
  for (const char* key : {"scope", "name"}) {
    const std::string& value = std::string_view(key) == "scope" ? config.scope : config.name;
    // It becomes one component of a key in the store.
    if (value.find('/') != std::string::npos) root.refuse(key, "a word without /");
  }
}

}  // namespace

LoadedConfig load_config(const std::string& path,
                         const std::map<std::string, std::string>& environment, ConfigUse use) {
  return load_config_tree(read_config_sources(path, environment), environment, use);
}

LoadedConfig load_config_tree(const ConfigSources& sources,
                              const std::map<std::string, std::string>& environment,
                              ConfigUse use) {
  const Section root(&sources.root, "", sources.name);
  LoadedConfig loaded;
  loaded.warnings = sources.remarks;
  for (std::string& line : texts_that_yaml_changes(sources.root))
    loaded.warnings.push_back(std::move(line));
  find_unknown_keys(sources, loaded);
  find_misplaced_keys(sources.root, loaded);
  judge_keys_not_served(sources.root, use, loaded);
  const ReadingContext context{.use = use, .warnings = loaded.warnings};
  AgentConfig& config = loaded.config;
  read_names(root, use, config);
  config.log = read_log(root.section("log"), context);
  config.etcd = read_etcd(root, context);
  config.restapi = read_restapi(root.section("restapi"), context);
  config.ctl = read_ctl(root.section("ctl"), config.restapi);
  config.bootstrap = read_bootstrap(root.section("bootstrap"), context);
  const auto home = environment.find("HOME");
  config.postgresql = read_postgresql(root.section("postgresql"),
                                      home == environment.end() ? "" : home->second, context);
  config.watchdog = read_watchdog(root.section("watchdog"), context);
  config.tags = read_tags(root, context);
  loaded.overrides = read_overrides(root.section("postgresql"));
  read_initial_settings(root.section("bootstrap"), loaded);
  return loaded;
}

}  // namespace pgherd
