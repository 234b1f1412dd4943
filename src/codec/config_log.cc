// The section `log` of the local configuration (Patroni, YAML Configuration).
#include <algorithm>

#include "codec/config_sections.h"
#include "codec/json_reading.h"
#include "codec/log_format.h"
#include "codec/parse_units.h"

namespace pgherd {
namespace {

using Kind = YamlNode::Kind;

// The parts of Patroni whose lines are somebody's here: runtime/log.h names the parts of this
// program.
struct LoggerName {
  std::string_view patronis;
  std::vector<std::string_view> ours;
};
const std::vector<LoggerName>& logger_names() {
  static const std::vector<LoggerName> kNames = {
      {"patroni", {"pgherd"}},
      {"patroni.__main__", {"pgherd.daemon"}},
      {"patroni.daemon", {"pgherd.daemon"}},
      {"patroni.ha", {"pgherd.daemon"}},
      {"patroni.config", {"pgherd.daemon"}},
      {"patroni.api", {"pgherd.rest"}},
      {"patroni.dcs", {"pgherd.dcs"}},
      {"patroni.dcs.etcd", {"pgherd.dcs"}},
      {"patroni.dcs.etcd3", {"pgherd.dcs"}},
      {"patroni.postgresql", {"pgherd.postgres"}},
      {"patroni.postgresql.bootstrap",
       {"pgherd.postgres.local.bootstrap", "pgherd.postgres.local.copying",
        "pgherd.postgres.local.filling_command", "pgherd.postgres.local.restored_cluster"}},
      {"patroni.postgresql.callback_executor", {"pgherd.postgres.local.scripts"}},
      {"patroni.postgresql.config", {"pgherd.postgres.local.config_files"}},
      {"patroni.postgresql.postmaster",
       {"pgherd.postgres.local.postmaster", "pgherd.postgres.local.running"}},
      {"patroni.postgresql.rewind",
       {"pgherd.postgres.local.rewinding", "pgherd.postgres.local.archiving"}},
      {"patroni.postgresql.slots", {"pgherd.postgres.local.logical_slots"}},
  };
  return kNames;
}

void read_loggers(const Section& log, LogConfig& config, ReadingContext context) {
  const Section loggers = log.section("loggers");
  if (!loggers.exists()) return;
  const std::string_view levels = row_of(log.path_of("level"))->form.words;
  std::string nobodys;
  for (const auto& [name, value] : loggers.node()->children) {
    if (value.kind == Kind::Null) continue;
    const std::string level = loggers.one_of(name, "", levels);
    const auto known = std::find_if(logger_names().begin(), logger_names().end(),
                                    [&](const LoggerName& one) { return one.patronis == name; });
    if (known != logger_names().end()) {
      for (const std::string_view ours : known->ours)
        config.loggers[std::string(ours)] = level;
    } else if (name == "pgherd" || name.starts_with("pgherd.")) {
      config.loggers[name] = level;
    } else {
      nobodys.append(nobodys.empty() ? "" : ", ").append(name);
    }
  }
  if (!nobodys.empty()) {
    context.warnings.push_back(log.path_of("loggers") + ": nothing is logged under the name of " +
                               nobodys);
  }
}

// "message" or "levelname: level", as an item of a list.
void add_field(const std::string& name, const std::string& member, const Section& log,
               LogConfig& config, ReadingContext context) {
  const LogField field = log_field_of(name);
  config.form.push_back({.field = field, .text = member});
  if (field != LogField::Unknown) return;
  context.warnings.push_back(log.path_of("format") + ": no line has a " + name + ", it is null");
}

void read_list_form(const Section& log, const YamlNode& list, LogConfig& config,
                    ReadingContext context) {
  constexpr std::string_view kAllowed =
      "a list of attributes of a line (asctime, levelname, message, ...), each alone or as "
      "'levelname: level'";
  config.form.clear();
  for (const auto& [unused, item] : list.children) {
    if (item.kind == Kind::Scalar) {
      add_field(item.text, item.text, log, config, context);
    } else if (item.kind == Kind::Map) {
      for (const auto& [name, member] : item.children) {
        if (member.kind != Kind::Scalar) log.refuse("format", kAllowed);
        add_field(name, member.text, log, config, context);
      }
    } else {
      log.refuse("format", kAllowed);
    }
  }
  if (config.form.empty()) config.form = default_log_form();
}

void read_form(const Section& log, LogConfig& config, ReadingContext context) {
  const YamlNode* format = log.find("format");
  if (format == nullptr) return;
  if (format->kind == Kind::List) {
    if (config.as_json) return read_list_form(log, *format, config, context);
    context.warnings.push_back(log.path_of("format") +
                               " is a list, which log.type: json asks for; plain lines have the "
                               "usual form");
    return;
  }
  const std::string text = log.text_or("format", "");
  if (text.empty()) return;
  Result<std::vector<LogPiece>, std::string> form = parse_log_format(text);
  if (!form)
    log.refuse("format", "a text like '%(asctime)s %(levelname)s: %(message)s': " + form.error());
  config.form = std::move(*form);
}

void read_static_fields(const Section& log, LogConfig& config) {
  const Section fields = log.section("static_fields");
  if (!fields.exists()) return;
  for (const auto& [name, value] : fields.node()->children)
    config.static_fields.emplace_back(name, write_json(to_json(value)));
}

std::optional<std::uint32_t> read_mode(const Section& log) {
  const std::optional<std::string> text = log.text("mode");
  if (!text || text->empty()) return std::nullopt;
  const std::optional<std::int64_t> mode = parse_integer(*text);
  if (!mode || *mode < 0 || *mode > 0777)
    log.refuse("mode", "permissions in octal digits that begin with 0, up to 0777");
  return static_cast<std::uint32_t>(*mode);
}

}  // namespace

LogConfig read_log(const Section& log, ReadingContext context) {
  LogConfig config;
  config.level = log.one_of("level", config.level);
  config.as_json = log.one_of("type", "plain") == "json";
  // Errors are told with their cause in one line, whichever of them is asked for.
  std::ignore = log.text("traceback_level");
  read_form(log, config, context);
  config.date_format = log.text_or("dateformat", "");
  read_static_fields(log, config);
  read_loggers(log, config, context);
  config.lines_waiting_max = static_cast<std::uint64_t>(log.integer_or("max_queue_size", 1000));
  config.says_heartbeats_once = log.flag("deduplicate_heartbeat_logs").value_or(false);
  config.dir = log.text_or("dir", "");
  config.file_mode = read_mode(log);
  config.file_size_bytes = static_cast<std::uint64_t>(
      log.integer_or("file_size", static_cast<std::int64_t>(config.file_size_bytes)));
  config.file_num = static_cast<int>(log.integer_or("file_num", config.file_num));
  return config;
}

}  // namespace pgherd
