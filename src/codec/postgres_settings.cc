#include "codec/postgres_settings.h"

#include <algorithm>
#include <array>
#include <map>

#include "codec/config_keys.h"
#include "codec/config_methods.h"
#include "codec/config_not_served.h"
#include "codec/dynamic_config.h"
#include "codec/json_reading.h"
#include "codec/parse_units.h"
#include "codec/shell_words.h"

namespace pgherd {
namespace {

enum class Check { AlwaysOn, Boolean, WalLevel, Number, Megabytes };

struct Controlled {
  std::string_view name;
  std::string_view otherwise;
  Check check;
  std::int64_t lowest = 0;
};

// PostgreSQL manual 26.4.4: a standby must have at least its primary's values of most of these.
constexpr std::array<Controlled, 11> kControlled = {{
    {"hot_standby", "on", Check::AlwaysOn},
    {"max_connections", "100", Check::Number, 25},
    {"max_locks_per_transaction", "64", Check::Number, 32},
    {"max_prepared_transactions", "0", Check::Number, 0},
    {"max_replication_slots", "10", Check::Number, 4},
    {"max_wal_senders", "10", Check::Number, 3},
    {"max_worker_processes", "8", Check::Number, 2},
    {"track_commit_timestamp", "off", Check::Boolean},
    {"wal_keep_size", "128MB", Check::Megabytes, 16},
    {"wal_level", "replica", Check::WalLevel},
    {"wal_log_hints", "on", Check::Boolean},
}};

constexpr std::array<std::string_view, 5> kSaidElsewhere = {
    "cluster_name", "config_file", "data_directory", "listen_addresses", "port"};
constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;
constexpr std::int64_t kSegmentMegabytes = 16;
constexpr std::string_view kAllowedParameter = "a text, a number, true or false";

using Parameters = std::map<std::string, std::string>;

std::string as_parameter(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  return as_text(value);
}

// The value as it goes to PostgreSQL; "" when it will not do.
std::string checked(const Controlled& parameter, const std::string& value) {
  switch (parameter.check) {
    case Check::AlwaysOn:
      return parse_bool(value) == true ? "on" : "";
    case Check::Boolean: {
      const std::optional<bool> flag = parse_bool(value);
      return !flag ? "" : *flag ? "on" : "off";
    }
    case Check::WalLevel: {
      std::string level = parameter_name(value);
      if (level == "logical") return level;
      return level == "replica" || level == "hot_standby" ? "replica" : "";
    }
    case Check::Number: {
      const std::optional<std::int64_t> number = parse_integer(value);
      return number && *number >= parameter.lowest ? std::to_string(*number) : "";
    }
    case Check::Megabytes: {
      const std::optional<std::int64_t> bytes = parse_memory(value, kMegabyte);
      return bytes && *bytes >= parameter.lowest * kMegabyte ? value : "";
    }
  }
  return "";
}

std::string allowed(const Controlled& parameter) {
  switch (parameter.check) {
    case Check::AlwaysOn:
      return "on";
    case Check::Boolean:
      return "on or off";
    case Check::WalLevel:
      return "replica or logical";
    case Check::Number:
      return "a whole number, at least " + std::to_string(parameter.lowest);
    case Check::Megabytes:
      return "a size, at least " + std::to_string(parameter.lowest) + "MB";
  }
  return "";
}

class Merge {
 public:
  Merge(const PostgresConfig& local, const Json& section, const Json& standby_cluster,
        std::vector<DynamicRemark>& remarks)
      : local_(local), section_(section), standby_cluster_(standby_cluster), remarks_(remarks) {}

  PostgresConfig result() {
    PostgresConfig merged = local_;
    merged.parameters = parameters();
    for_text("bin_dir", local_.bin_dir.empty(), merged.bin_dir);
    bin_names(merged);
    for_text("database", local_.database == "postgres", merged.database);
    config_base_name(merged);
    krbsrvname(merged);
    for_text("custom_conf", local_.custom_conf.empty(), merged.custom_conf);
    for_flag("use_unix_socket", !local_.use_unix_socket, merged.use_unix_socket);
    for_flag("use_unix_socket_repl", !local_.use_unix_socket_repl, merged.use_unix_socket_repl);
    for_lines("pg_hba", merged.pg_hba);
    for_lines("pg_ident", merged.pg_ident);
    for (const auto& [role, suffix] : kRoleSuffixes)
      for_role(role, std::string(suffix), merged);
    recovery_conf(merged);
    for_options("basebackup", merged.basebackup);
    for_options("rewind", merged.rewind_options);
    for_text("diverged_wal_directory", local_.diverged_wal_directory.empty(),
             merged.diverged_wal_directory);
    diverged_wal_limit(merged);
    replica_methods(merged);
    pg_ctl_timeout(merged);
    callbacks(merged);
    for_command("pre_promote", merged.pre_promote);
    for_command("before_stop", merged.before_stop);
    return merged;
  }

 private:
  void warn(std::string_view key, const Json& value, std::string_view allowed) {
    remarks_.push_back(
        {.key = "postgresql." + std::string(key),
         .words = "is " + write_json(value) + "; allowed is " + std::string(allowed)});
  }

  // The dynamic value of a key that the local configuration does not set. `is_default`: a config
  // that was not loaded from a file has no list of what was set, so a value that differs counts.
  const Json* dynamic(std::string_view key, bool is_default) const {
    if (!is_default || local_.set_locally.contains(std::string(key))) return nullptr;
    return find(section_, key);
  }

  void for_text(std::string_view key, bool is_default, std::string& into) {
    const Json* value = dynamic(key, is_default);
    if (value == nullptr) return;
    if (value->is_structured()) return warn(key, *value, "a text");
    into = as_text(*value);
  }

  void for_flag(std::string_view key, bool is_default, bool& into) {
    const Json* value = dynamic(key, is_default);
    if (value == nullptr) return;
    const std::optional<bool> flag = as_bool(*value);
    if (!flag) return warn(key, *value, "true or false");
    into = *flag;
  }

  void for_lines(std::string_view key, std::vector<std::string>& into) {
    const Json* value = dynamic(key, into.empty());
    if (value == nullptr) return;
    const bool is_list =
        value->is_array() && std::none_of(value->begin(), value->end(),
                                          [](const Json& line) { return line.is_structured(); });
    if (!is_list) return warn(key, *value, "a list of lines");
    for (const Json& line : *value)
      into.push_back(as_text(line));
  }

  void for_role(ServerRole role, const std::string& suffix, PostgresConfig& merged) {
    const auto present = merged.by_role.find(role);
    RoleConfig own = present == merged.by_role.end() ? RoleConfig{} : present->second;
    for_text("custom_conf" + suffix, own.custom_conf.empty(), own.custom_conf);
    for_lines("pg_hba" + suffix, own.pg_hba);
    for_lines("pg_ident" + suffix, own.pg_ident);
    for (const auto& [name, value] : dynamic_parameters("parameters" + suffix)) {
      if (!is_controlled_parameter(name)) {
        own.parameters.emplace(name, value);  // the local one stays
      } else {
        remarks_.push_back({.key = "postgresql.parameters" + suffix,
                            .words = "cannot set " + name +
                                     ": it must be the same in all roles; set it in "
                                     "postgresql.parameters"});
      }
    }
    if (own != RoleConfig{}) merged.by_role[role] = std::move(own);
  }

  void recovery_conf(PostgresConfig& merged) {
    const Json* value = dynamic("recovery_conf", local_.recovery_conf.empty());
    if (value == nullptr) return;
    if (!value->is_object()) return warn("recovery_conf", *value, "a map");
    for (const auto& [name, setting] : value->items()) {
      if (setting.is_null()) continue;
      if (setting.is_structured()) {
        warn("recovery_conf." + name, setting, kAllowedParameter);
      } else {
        merged.recovery_conf[parameter_name(name)] = as_parameter(setting);
      }
    }
  }

  static void add_option(const std::string& name, const Json& value, OptionList& list) {
    if (value.is_boolean()) {
      if (value.get<bool>()) list.emplace_back(name, "");
    } else {
      list.emplace_back(name, option_value(as_text(value)));
    }
  }

  void for_options(std::string_view key, OptionList& into) {
    const Json* value = dynamic(key, into.empty());
    if (value == nullptr) return;
    if (!value->is_structured()) return warn(key, *value, "a list or a map of options");
    for (const auto& [name, item] : value->items()) {
      if (value->is_object()) {
        if (!as_text(item).empty()) add_option(name, item, into);
      } else if (item.is_object() && item.size() == 1) {
        add_option(item.begin().key(), item.begin().value(), into);
      } else if (!item.is_structured()) {
        into.emplace_back(as_text(item), "");
      } else {
        warn(key, item, "a word or a map with one key");
      }
    }
  }

  void bin_names(PostgresConfig& merged) {
    const Json* value = dynamic("bin_name", local_.bin_names.empty());
    if (value == nullptr) return;
    if (!value->is_object()) return warn("bin_name", *value, "a map of programs and their names");
    for (const std::string_view program : kNamedPrograms) {
      const Json* said = find(*value, program);
      if (said == nullptr) continue;
      if (said->is_structured()) warn("bin_name." + std::string(program), *said, "a text");
      const std::string name = as_text(*said);
      if (!name.empty() && name != program) merged.bin_names[std::string(program)] = name;
    }
  }

  void config_base_name(PostgresConfig& merged) {
    std::string name = merged.config_base_name;
    for_text("config_base_name", local_.config_base_name == "postgresql", name);
    if (name.empty() || name.find('/') != std::string::npos)
      return warn("config_base_name", name, "the name of a file without its folder and its .conf");
    merged.config_base_name = std::move(name);
  }

  // A word of libpq like those of the logins, but one for all of them.
  void krbsrvname(PostgresConfig& merged) {
    for_text("krbsrvname", local_.krbsrvname.empty(), merged.krbsrvname);
    if (merged.krbsrvname.empty()) return;
    for (Credentials* who : {&merged.superuser, &merged.replication,
                             merged.rewind ? &*merged.rewind : &merged.superuser})
      who->options["krbsrvname"] = merged.krbsrvname;
  }

  void replica_methods(PostgresConfig& merged) {
    auto& names = merged.create_replica_methods;
    for (const char* key : {"create_replica_methods", "create_replica_method"})
      if (names.empty()) for_lines(key, names);
    if (const Json* remote = find(standby_cluster_, "create_replica_methods"))
      merged.remote_copy_methods = names_in(*remote);
    for (const auto* list : {&merged.create_replica_methods, &merged.remote_copy_methods})
      for (const std::string& name : *list)
        replica_method(name, merged);
  }

  std::vector<std::string> names_in(const Json& list) {
    std::vector<std::string> names;
    const bool is_list =
        list.is_array() && std::none_of(list.begin(), list.end(),
                                        [](const Json& name) { return name.is_structured(); });
    if (is_list)
      for (const Json& name : list)
        names.push_back(as_text(name));
    else
      remarks_.push_back({.key = "standby_cluster.create_replica_methods",
                          .words = "is " + write_json(list) + "; allowed is a list of names"});
    return names;
  }

  void replica_method(const std::string& name, PostgresConfig& merged) {
    const bool is_local =
        local_.set_locally.contains(name) || merged.replica_methods.contains(name);
    const Json* value = is_local || is_key_of_postgresql(name) ? nullptr : find(section_, name);
    if (value == nullptr) return;
    if (!value->is_object()) return warn(name, *value, "a section (a map of keys)");
    try {
      const YamlNode node = read_yaml(write_json(*value), "dynamic configuration");  // JSON is YAML
      merged.replica_methods[name] = read_replica_method(
          Section(&node, "postgresql." + name, "dynamic configuration", Section::Keys::Others),
          name);
    } catch (const ConfigError& problem) {
      remarks_.push_back(remark_on(problem));
    }
  }

  // "dynamic configuration:1: postgresql.wal.command is missing; ...": one line has no places.
  static DynamicRemark remark_on(const ConfigError& problem) {
    const std::string text = problem.what();
    const std::size_t words = text.find(problem.key()) + problem.key().size() + 1;
    return {.key = problem.key(), .words = text.substr(std::min(words, text.size()))};
  }

  void pg_ctl_timeout(PostgresConfig& merged) {
    const Json* value = dynamic("pg_ctl_timeout", local_.pg_ctl_timeout == 60s);
    if (value == nullptr) return;
    const std::optional<std::int64_t> seconds = as_integer(*value);
    if (!seconds || *seconds < 0 || *seconds > 1'000'000) {
      return warn("pg_ctl_timeout", *value, "a number of seconds");
    }
    merged.pg_ctl_timeout = Seconds(*seconds);
  }

  void diverged_wal_limit(PostgresConfig& merged) {
    const bool is_default = local_.diverged_wal_limit == PostgresConfig{}.diverged_wal_limit;
    const Json* value = dynamic("diverged_wal_limit", is_default);
    if (value == nullptr) return;
    const auto bytes =
        value->is_structured() ? std::nullopt : parse_memory(as_text(*value), kMegabyte);
    if (!bytes || *bytes < 0)
      return warn("diverged_wal_limit", *value, "a size, as in 512MB; 0: off");
    merged.diverged_wal_limit = *bytes;
  }

  void take_command(const std::string& key, const Json& value, CommandWords& into) {
    const auto words = value.is_structured() ? std::nullopt : shell_words(as_text(value));
    if (!words) return warn(key, value, "a command in which every quote is closed");
    into = *words;
  }

  void for_command(const std::string& key, CommandWords& into) {
    const Json* value = dynamic(key, into.empty());
    if (value != nullptr) take_command(key, *value, into);
  }

  void callbacks(PostgresConfig& merged) {
    const Json* section = dynamic("callbacks", local_.callbacks.empty());
    if (section == nullptr) return;
    if (!section->is_object()) return warn("callbacks", *section, "a map of names and commands");
    for (const auto& [action, name] : kCallbackNames) {
      const Json* value = find(*section, name);
      CommandWords words;
      if (value != nullptr) take_command("callbacks." + std::string(name), *value, words);
      if (!words.empty()) merged.callbacks[action] = std::move(words);
    }
  }

  Parameters dynamic_parameters(const std::string& key) {
    Parameters parameters;
    const Json* section = find(section_, key);
    if (section == nullptr) return parameters;
    if (!section->is_object()) {
      warn(key, *section, "a map of names and values");
      return parameters;
    }
    for (const auto& [name, value] : section->items()) {
      if (value.is_null()) continue;
      if (value.is_structured()) {
        warn(key + "." + name, value, kAllowedParameter);
      } else {
        parameters[parameter_name(name)] = as_parameter(value);
      }
    }
    return parameters;
  }

  // Files written for PostgreSQL 12 and older count WAL in segments.
  static void translate_wal_keep_segments(Parameters& parameters) {
    const auto segments = parameters.find("wal_keep_segments");
    if (segments == parameters.end()) return;
    const std::optional<std::int64_t> count = parse_integer(segments->second);
    if (count && *count > 0 && *count < 1'000'000 && !parameters.contains("wal_keep_size")) {
      parameters["wal_keep_size"] = std::to_string(*count * kSegmentMegabytes) + "MB";
    }
  }

  Parameters parameters() {
    Parameters said = dynamic_parameters("parameters");
    translate_wal_keep_segments(said);
    Parameters merged;
    for (const auto& [name, value] : said) {
      if (!is_controlled_parameter(name)) merged[name] = value;
    }
    for (const auto& [name, value] : local_.parameters) {
      if (!is_controlled_parameter(name)) merged[parameter_name(name)] = value;
    }
    for (const Controlled& parameter : kControlled) {
      merged[std::string(parameter.name)] = controlled(parameter, said);
    }
    if (local_.listen.port != 0) {
      merged["listen_addresses"] = local_.listen.host.empty() ? "*" : local_.listen.host;
      merged["port"] = std::to_string(local_.listen.port);
    }
    return merged;
  }

  std::string controlled(const Controlled& parameter, const Parameters& said) {
    const auto found = said.find(std::string(parameter.name));
    if (found == said.end()) return std::string(parameter.otherwise);
    std::string value = checked(parameter, found->second);
    if (!value.empty()) return value;
    warn("parameters." + found->first, found->second,
         allowed(parameter) + "; " + std::string(parameter.otherwise) + " is used");
    return std::string(parameter.otherwise);
  }

  const PostgresConfig& local_;
  const Json& section_;
  const Json& standby_cluster_;
  std::vector<DynamicRemark>& remarks_;
};

}  // namespace

std::string parameter_name(std::string_view written) {
  std::string name(written);
  for (char& c : name)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

bool is_controlled_parameter(std::string_view name) {
  const std::string lower = parameter_name(name);
  return is_said_elsewhere(lower) || lower == "wal_keep_segments" ||
         std::any_of(kControlled.begin(), kControlled.end(),
                     [&](const Controlled& parameter) { return parameter.name == lower; });
}

bool is_said_elsewhere(std::string_view name) {
  const std::string lower = parameter_name(name);
  return std::find(kSaidElsewhere.begin(), kSaidElsewhere.end(), lower) != kSaidElsewhere.end();
}

bool is_command_line_parameter(std::string_view name) {
  const std::string lower = parameter_name(name);
  return is_controlled_parameter(lower) && !lower.starts_with("wal_keep_");
}

std::string_view name_of(CallbackAction action) {
  const auto found = std::find_if(kCallbackNames.begin(), kCallbackNames.end(),
                                  [action](const auto& entry) { return entry.first == action; });
  return found == kCallbackNames.end() ? std::string_view{} : found->second;
}

namespace {

PostgresConfig merged_with(const PostgresConfig& local, std::string_view dynamic_config_json,
                           std::vector<DynamicRemark>& remarks) {
  const std::optional<Json> config = read_json_object(dynamic_config_json);
  static const Json kNothing = Json::object();
  const auto section = [&](const char* key) -> const Json& {
    const Json* found = config ? find(*config, key) : nullptr;
    return found == nullptr ? kNothing : *found;
  };
  PostgresConfig merged =
      Merge(local, section("postgresql"), section("standby_cluster"), remarks).result();
  // A slot that lies on a standby needs rows that the primary would vacuum without a word from it.
  if (has_logical_slots_to_copy(dynamic_config_json)) {
    constexpr const char* kFeedback = "hot_standby_feedback";
    merged.parameters[kFeedback] = "on";
    for (auto& [role, own] : merged.by_role)
      own.parameters.erase(kFeedback);
  }
  return merged;
}

}  // namespace

PostgresConfig merge_dynamic(const PostgresConfig& local, std::string_view dynamic_config_json,
                             std::vector<std::string>* warnings) {
  std::vector<DynamicRemark> remarks = settings_not_usable(dynamic_config_json);
  PostgresConfig merged = merged_with(local, dynamic_config_json, remarks);
  if (warnings == nullptr) return merged;
  *warnings = dynamic_keys_not_served(dynamic_config_json);
  const auto say = [&](const std::string& line) {
    warnings->push_back("dynamic configuration: " + line);
  };
  for (const DynamicRemark& remark : remarks)
    say(remark.text());
  const auto say_of_methods = [&](const std::vector<std::string>& names, const std::string& key) {
    for (const std::string& line : remarks_on_methods(names, merged.replica_methods, key))
      say(line);
  };
  if (merged.create_replica_methods != local.create_replica_methods)
    say_of_methods(merged.create_replica_methods, "postgresql.create_replica_methods");
  say_of_methods(merged.remote_copy_methods, "standby_cluster.create_replica_methods");
  return merged;
}

std::vector<DynamicRemark> values_not_usable(std::string_view dynamic_config_json) {
  std::vector<DynamicRemark> remarks = settings_not_usable(dynamic_config_json);
  (void)merged_with({}, dynamic_config_json, remarks);
  return remarks;
}

bool can_copy_without_leader(const PostgresConfig& config) {
  const auto& names = config.create_replica_methods;
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto method = config.replica_methods.find(name);
    return method != config.replica_methods.end() && method->second.no_leader;
  });
}

}  // namespace pgherd
