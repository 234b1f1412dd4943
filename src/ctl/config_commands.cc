// show-config and edit-config.
#include <fmt/format.h>

#include <set>

#include "codec/config_not_served.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"
#include "codec/postgres_settings.h"
#include "ctl/commands.h"
#include "ctl/config_changes.h"
#include "ctl/diff.h"
#include "ctl/errors.h"
#include "ctl/helpers.h"
#include "ctl/values_text.h"

namespace pgherd::ctl {
namespace {

// The raw key: a value that nobody can read must still be shown and replaced.
const KeyValue* config_entry(const Cluster& cluster) {
  const auto found = cluster.entries.find(cluster.layout.key("config"));
  return found == cluster.entries.end() ? nullptr : &found->second;
}

struct Change {
  std::string json;
  bool came_from_stdin = false;
};

std::string source_text(CtlContext& context, const std::string& file, Change& change) {
  if (file != "-") return file_text(file);
  change.came_from_stdin = true;
  return context.console.read_all();
}

Change asked_change(CtlContext& context, const std::string& cluster, const std::string& before,
                    const EditConfigOptions& options) {
  Change change{.json = before};
  const bool has_source =
      options.replace_file || options.apply_file || !options.set.empty() || !options.pg.empty();
  if (!has_source) {
    change.json = replaced_by(edited(cluster, yaml_block(before)), "the edited text");
    return change;
  }
  if (options.replace_file) {
    change.json =
        replaced_by(source_text(context, *options.replace_file, change), *options.replace_file);
  }
  if (options.apply_file) {
    const std::string yaml = source_text(context, *options.apply_file, change);
    change.json = with_applied(change.json, yaml, *options.apply_file);
  }
  // Only text that a person wrote may be no object; what was just replaced or applied is one.
  if (!merge_patch(change.json, "{}")) {
    throw CtlError("the stored configuration is no JSON object; use --replace");
  }
  for (const std::string& setting : options.set)
    change.json = with_setting(change.json, setting);
  for (const std::string& setting : options.pg) {
    change.json = with_setting(change.json, "postgresql.parameters." + setting);
  }
  return change;
}

std::string coloured(const std::string& line) {
  const bool is_header = line.starts_with("--- ") || line.starts_with("+++ ");
  if (is_header) return "\033[1m" + line + "\033[0m";
  if (line.starts_with("@@")) return "\033[36m" + line + "\033[0m";
  if (line.starts_with("-")) return "\033[31m" + line + "\033[0m";
  if (line.starts_with("+")) return "\033[32m" + line + "\033[0m";
  return line;
}

void show_diff(CtlContext& context, const std::string& before, const std::string& after) {
  const auto lines = unified_diff(yaml_block(before), yaml_block(after));
  const bool is_terminal = context.console.terminals().out;
  std::string text;
  for (const std::string& line : lines) {
    text.append(is_terminal ? coloured(line) : line).append("\n");
  }
  if (is_terminal) {
    show_paged(text);
  } else {
    context.console.print(text);
  }
}

// What the members will warn of when they read it, said to the person who can still mend it.
std::set<std::string> warnings_of(const std::string& config_json) {
  const auto keys = dynamic_keys_not_served(config_json);
  std::set<std::string> lines(keys.begin(), keys.end());
  for (const DynamicRemark& remark : values_not_usable(config_json))
    lines.insert("dynamic configuration: " + remark.text());
  if (const std::string unknown = dynamic_keys_unknown(config_json); !unknown.empty())
    lines.insert("dynamic configuration: the members know no " + unknown);
  return lines;
}

void warn_of_what_is_new(CtlContext& context, const std::string& before, const std::string& after) {
  const auto known = warnings_of(before);
  for (const std::string& line : warnings_of(after))
    if (!known.contains(line))
      context.console.log(LogLevel::Warning, context.store.wall_now(), line);
}

void write_config(CtlContext& context, const KeyValue& entry, const std::string& json) {
  Transaction transaction;
  transaction.compares.push_back(Compare{
      .what = Compare::What::ModRevision, .key = entry.key, .number = entry.mod_revision.value});
  transaction.writes.push_back(Put{.key = entry.key, .value = json});
  if (context.store.commit(std::move(transaction)).succeeded) return;
  throw CtlError("Config modification aborted due to concurrent changes");
}

}  // namespace

int show_config(CtlContext& context, const std::optional<std::string>& cluster) {
  const Cluster read = read_cluster(context, cluster_name(context, cluster));
  const KeyValue* entry = config_entry(read);
  if (entry != nullptr) context.console.say(yaml_block(entry->value));
  return 0;
}

int edit_config(CtlContext& context, const EditConfigOptions& options) {
  const Cluster cluster = read_cluster(context, cluster_name(context, options.cluster));
  const KeyValue* entry = config_entry(cluster);
  if (entry == nullptr) {
    throw CtlError(fmt::format("The config key does not exist in the cluster {}", cluster.name));
  }
  const Change change = asked_change(context, cluster.name, entry->value, options);
  if (is_same_config(entry->value, change.json)) {
    if (!options.is_quiet) context.console.say("Not changed");
    return 0;
  }
  if (const auto settings = decode_settings(change.json); !settings) {
    throw CtlError(
        fmt::format("the members would not take this configuration: {}", settings.error()));
  }
  if (!options.is_quiet) show_diff(context, entry->value, change.json);
  warn_of_what_is_new(context, entry->value, change.json);
  if (change.came_from_stdin && !options.force) {
    context.console.say("Use --force option to apply changes");
    return 0;
  }
  if (!options.force && !context.console.confirm("Apply these changes?")) {
    context.console.say("Configuration not changed");
    return 0;
  }
  write_config(context, *entry, change.json);
  context.console.say("Configuration changed");
  return 0;
}

}  // namespace pgherd::ctl
