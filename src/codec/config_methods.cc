#include "codec/config_methods.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "codec/config_keys.h"
#include "codec/json_reading.h"
#include "codec/postgres_settings.h"
#include "codec/shell_words.h"

namespace pgherd {
namespace {

using Kind = YamlNode::Kind;

// Scripts were written for how Patroni prints a boolean.
std::string as_argument(const YamlNode& node) {
  if (!node.is_quoted) {
    const Json resolved = resolve_plain(node.text);
    if (resolved.is_boolean()) return resolved.get<bool>() ? "True" : "False";
  }
  return node.text;
}

CommandWords command_of(const Section& section, const std::string& otherwise) {
  const auto words = shell_words(section.text_or("command", otherwise));
  if (!words) section.refuse("command", "a command in which every quote is closed");
  return *words;
}

OptionList arguments_of(const Section& section, std::initializer_list<std::string_view> others) {
  OptionList arguments;
  for (const auto& [key, value] : section.node()->children) {
    const bool is_other = std::find(others.begin(), others.end(), key) != others.end();
    if (is_other || value.kind == Kind::Null) continue;
    if (value.kind != Kind::Scalar) section.refuse(key, "a text, a number, true or false");
    arguments.emplace_back(key, as_argument(value));
  }
  return arguments;
}

bool may_be_a_method(const YamlNode& node) {
  if (node.kind != Kind::Map) return false;
  return node.find("command") != nullptr ||
         std::all_of(node.children.begin(), node.children.end(), [](const auto& child) {
           return child.node.kind == Kind::Scalar || child.node.kind == Kind::Null;
         });
}

}  // namespace

ReplicaMethod read_replica_method(const Section& section, const std::string& name) {
  ReplicaMethod method;
  method.keep_data = section.flag("keep_data").value_or(false);
  method.no_leader = section.flag("no_leader").value_or(section.flag("no_master").value_or(false));
  FillingCommand& command = method.command;
  command.words = command_of(section, name);
  command.no_params = section.flag("no_params").value_or(false);
  // Scripts of Patroni's time take the switches as arguments: patroni_wale_restore wants no_leader.
  command.arguments =
      command.no_params
          ? arguments_of(section, {"command", "no_params", "no_leader", "no_master", "keep_data"})
          : arguments_of(section, {"command", "scope", "role", "datadir", "connstring"});
  return method;
}

void read_replica_methods(const Section& postgresql, PostgresConfig& config) {
  config.create_replica_methods = postgresql.comma_list("create_replica_methods");
  if (config.create_replica_methods.empty())
    config.create_replica_methods = postgresql.comma_list("create_replica_method");
  if (!postgresql.exists()) return;
  for (const auto& [key, value] : postgresql.node()->children) {
    const auto& names = config.create_replica_methods;
    const bool is_named = std::find(names.begin(), names.end(), key) != names.end();
    if (is_key_of_postgresql(key) || value.kind == Kind::Null) continue;
    if (is_named || may_be_a_method(value))
      config.replica_methods[key] = read_replica_method(postgresql.named_section(key), key);
  }
}

namespace {

std::optional<std::map<std::string, std::string>> read_recovery(
    const Section& section, std::vector<std::string>& warnings) {
  std::map<std::string, std::string> recovery;
  for (auto& [name, value] : section.text_map("recovery_conf"))
    recovery[parameter_name(name)] = value;
  if (recovery.empty()) return std::nullopt;
  // What recovery.conf said before there was recovery_target_action.
  if (const auto former = recovery.extract("pause_at_recovery_target"); former) {
    const bool pauses = parse_bool(former.mapped()).value_or(false);
    recovery.try_emplace("recovery_target_action", pauses ? "pause" : "promote");
  }
  const auto action = recovery.find("recovery_target_action");
  if (action != recovery.end() && action->second != "promote")
    warnings.push_back(section.path_of("recovery_conf") + ".recovery_target_action is " +
                       action->second +
                       ", which is not served: the new cluster is promoted at its target");
  return recovery;
}

}  // namespace

std::optional<BootstrapMethod> read_bootstrap_method(const Section& bootstrap,
                                                     std::vector<std::string>& warnings) {
  const std::string name = bootstrap.text_or("method", "initdb");
  if (name == "initdb" || name.empty()) return std::nullopt;
  const Section section = bootstrap.named_section(name);
  if (!section.exists())
    warnings.push_back("bootstrap.method names " + name + ", and there is no section bootstrap." +
                       name + ": initdb makes the cluster");
  BootstrapMethod method{.name = name};
  method.command.words = command_of(section, "");
  if (method.command.words.empty()) return std::nullopt;
  method.command.no_params = section.flag("no_params").value_or(false);
  method.command.arguments = arguments_of(
      section,
      {"command", "no_params", "keep_existing_recovery_conf", "recovery_conf", "scope", "datadir"});
  method.keep_existing_recovery_conf = section.flag("keep_existing_recovery_conf").value_or(false);
  method.recovery_conf = read_recovery(section, warnings);
  return method;
}

std::vector<std::string> remarks_on_methods(const std::vector<std::string>& names,
                                            const std::map<std::string, ReplicaMethod>& methods,
                                            const std::string& key) {
  std::vector<std::string> remarks;
  for (const std::string& name : names) {
    if (name == "basebackup") continue;
    const auto method = methods.find(name);
    if (method == methods.end()) {
      remarks.push_back(key + " names " + name + ", and there is no section postgresql." + name +
                        ": a program of that name is run");
    }
  }
  return remarks;
}

}  // namespace pgherd
