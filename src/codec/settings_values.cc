// The HA settings of `/config` (Patroni, Dynamic Configuration).
#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "codec/config_table.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"
#include "codec/json_reading.h"
#include "codec/parse_units.h"

namespace pgherd {
namespace {

// What the table of keys says of a key that is about to be read: "ttl", "postgresql.use_slots".
const Form& form_of(std::string_view key, Form::Kind kind) {
  const KnownKey* row = row_of("bootstrap.dcs." + std::string(key));
  PGHERD_CHECK(row != nullptr && row->form.kind == kind,
               std::string(key) + " is read, and not in this form in the table of keys");
  return row->form;
}

std::int64_t within(const Form& form, std::int64_t number) {
  return std::clamp(number, form.lowest, form.highest);
}

// The three timeouts: what is no number makes the whole configuration unusable, as in Patroni.
Result<Milliseconds, std::string> timeout_of(const Json& config, std::string_view key,
                                             Milliseconds otherwise) {
  const Form& form = form_of(key, Form::Kind::Number);
  const Json* value = find(config, key);
  if (value == nullptr) return otherwise;
  const std::optional<std::int64_t> number = as_integer(*value);
  if (!number) {
    return fail(std::string(key) + " is " + write_json(*value) +
                "; allowed is a whole number of seconds, at least " + std::to_string(form.lowest));
  }
  return Seconds(within(form, *number));
}

// All others: what is unusable has its default.
std::int64_t integer_of(const Json& config, std::string_view key, std::int64_t otherwise) {
  const Form& form = form_of(key, Form::Kind::Number);
  const Json* value = find(config, key);
  return value == nullptr ? otherwise : within(form, as_integer(*value).value_or(otherwise));
}

Milliseconds seconds_of(const Json& config, std::string_view key, Milliseconds otherwise) {
  return Seconds(integer_of(config, key, otherwise / 1s));
}

// `path`: "pause", "postgresql.use_slots" of the section postgresql.
bool bool_of(const Json& section, std::string_view path, bool otherwise = false) {
  std::ignore = form_of(path, Form::Kind::Flag);
  const Json* value = find(section, path.substr(path.rfind('.') + 1));
  return value == nullptr ? otherwise : as_bool(*value).value_or(otherwise);
}

// The new name wins, whatever it says.
Milliseconds renamed_timeout_of(const Json& config, std::string_view key, std::string_view old_key,
                                Milliseconds otherwise) {
  return seconds_of(config, find(config, key) != nullptr ? key : old_key, otherwise);
}

constexpr std::string_view kSlotsWalLimit = "slots_wal_limit";

std::optional<Duration> duration_of(const Json& value, Duration bare_unit) {
  return value.is_structured() ? std::nullopt : parse_duration(as_text(value), bare_unit);
}

Milliseconds member_slots_ttl_of(const Json& config, Milliseconds otherwise) {
  const Json* value = find(config, "member_slots_ttl");
  if (value == nullptr) return otherwise;
  const std::optional<Duration> duration = duration_of(*value, 1s);
  if (!duration) return otherwise;
  return std::chrono::floor<Milliseconds>(std::max<Duration>(*duration, 0s));
}

std::optional<std::int64_t> size_of(const Json& value) {
  const auto bytes = value.is_structured() ? std::nullopt : parse_memory(as_text(value));
  return bytes && *bytes >= 0 ? bytes : std::nullopt;
}

// Several hosts are one text to libpq.
std::string hosts_of(const Json& section) {
  const Json* host = find(section, "host");
  if (host == nullptr || !host->is_array()) return text_of(section, "host");
  std::string hosts;
  for (const Json& one : *host)
    hosts.append(hosts.empty() ? "" : ",").append(as_text(one));
  return hosts;
}

// A value of no use counts: a cluster that was to follow another one must not take writes.
bool says_whom_to_follow(const Json& section) {
  const auto says = [&](const char* key) {
    const Json* value = find(section, key);
    if (value == nullptr) return false;
    if (value->is_structured()) return !value->empty();
    const std::string text = as_text(*value);
    return !text.empty() && (text != "0" || std::string_view(key) != "port");
  };
  return says("host") || says("port") || says("restore_command");
}

std::optional<StandbyClusterSettings> standby_cluster_of(const Json& config) {
  const Json* section = find(config, "standby_cluster");
  if (section == nullptr || !says_whom_to_follow(*section)) return std::nullopt;
  return StandbyClusterSettings{
      .host = hosts_of(*section),
      .port = text_of(*section, "port"),
      .primary_slot_name = text_of(*section, "primary_slot_name"),
      .restore_command = text_of(*section, "restore_command"),
      .archive_cleanup_command = text_of(*section, "archive_cleanup_command"),
      .recovery_min_apply_delay = text_of(*section, "recovery_min_apply_delay")};
}

bool is_slot_name(std::string_view name) {
  constexpr std::size_t kLongest = 63;
  return !name.empty() && name.size() <= kLongest &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// The slot, or why it cannot be made.
Result<PermanentSlot, std::string> permanent_slot_of(const std::string& name, const Json& value) {
  if (!is_slot_name(name))
    return fail("PostgreSQL allows 1 to 63 characters a-z, 0-9 and _ in the name of a slot");
  if (!value.is_object() && is_truthy(value))
    return fail("it is " + write_json(value) +
                "; allowed is a map with its type, database and plugin");
  PermanentSlot slot{.name = name,
                     .is_logical = false,
                     .database = text_of(value, "database"),
                     .plugin = text_of(value, "plugin")};
  const std::string type = text_of(value, "type");
  if (!type.empty() && type != "logical" && type != "physical")
    return fail("its type is " + type + "; allowed is physical or logical");
  const bool is_complete = !slot.database.empty() && !slot.plugin.empty();
  slot.is_logical = type == "logical" || (type.empty() && is_complete);
  if (slot.is_logical && !is_complete)
    return fail("a logical slot needs its database and its plugin");
  const std::string side = text_of(value, "cluster_type");
  if (side == "primary") slot.side = PermanentSlot::Side::Primary;
  if (side == "standby") slot.side = PermanentSlot::Side::Standby;
  return slot;
}

struct PermanentSlots {
  std::vector<PermanentSlot> slots;
  std::vector<DynamicRemark> left_out;
};

// The first of the three names that says anything counts.
PermanentSlots permanent_slots_of(const Json& config) {
  PermanentSlots found;
  for (const char* key : {"permanent_replication_slots", "permanent_slots", "slots"}) {
    const Json* section = find(config, key);
    if (section == nullptr || !is_truthy(*section)) continue;
    if (!section->is_object()) {
      found.left_out.push_back(
          {.key = key, .words = "is " + write_json(*section) + "; allowed is a map of slots"});
      continue;
    }
    for (const auto& [name, value] : section->items()) {
      auto slot = permanent_slot_of(name, value);
      if (slot) {
        found.slots.push_back(std::move(*slot));
      } else {
        found.left_out.push_back(
            {.key = std::string(key) + "." + name,
             .words = "is no permanent slot that can be made: " + slot.error()});
      }
    }
    break;
  }
  return found;
}

std::vector<SlotMatcher> ignore_slots_of(const Json& config) {
  std::vector<SlotMatcher> matchers;
  const Json* list = find(config, "ignore_slots");
  if (list == nullptr || !list->is_array()) return matchers;
  for (const Json& entry : *list) {
    if (!entry.is_object()) continue;
    matchers.push_back({.name = text_of(entry, "name"),
                        .type = text_of(entry, "type"),
                        .database = text_of(entry, "database"),
                        .plugin = text_of(entry, "plugin")});
  }
  return matchers;
}

bool is_quorum(const Json& mode) {
  std::string word = as_text(mode);
  for (char& c : word)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return word == "quorum";
}

void read_synchronous(const Json& config, Settings& settings) {
  settings.synchronous_mode_strict = bool_of(config, "synchronous_mode_strict");
  const std::int64_t lowest = settings.synchronous_mode_strict ? 1 : 0;
  settings.synchronous_node_count =
      static_cast<int>(std::max(integer_of(config, "synchronous_node_count", 1), lowest));
  const Json* mode = find(config, "synchronous_mode");
  // A standby cluster's commits are not its own.
  if (mode == nullptr || settings.standby_cluster) return;
  if (is_quorum(*mode)) {
    settings.synchronous_mode = SynchronousMode::Quorum;
  } else if (as_bool(*mode).value_or(false)) {
    settings.synchronous_mode = SynchronousMode::On;
  }
}

Result<Settings, std::string> read_postgresql(const Json& config, Settings settings) {
  const Json* section = find(config, "postgresql");
  if (section == nullptr) return settings;
  if (!section->is_object()) {
    return fail("postgresql is " + write_json(*section) + "; allowed is an object");
  }
  const Json* parameters = find(*section, "parameters");
  if (parameters != nullptr && !parameters->is_object()) {
    return fail("postgresql.parameters is " + write_json(*parameters) +
                "; allowed is an object of parameter names and values");
  }
  settings.use_slots = bool_of(*section, "postgresql.use_slots", true);
  settings.use_pg_rewind = bool_of(*section, "postgresql.use_pg_rewind");
  settings.remove_data_directory_on_rewind_failure =
      bool_of(*section, "postgresql.remove_data_directory_on_rewind_failure");
  settings.remove_data_directory_on_diverged_timelines =
      bool_of(*section, "postgresql.remove_data_directory_on_diverged_timelines");
  return settings;
}

// loop_wait + 2 * retry_timeout <= ttl: a leader must find out that it cannot renew before others
// may take the key (Patroni 3.2.0, Config._validate_and_adjust_timeouts).
void fit_into_ttl(Settings& settings) {
  const Milliseconds ttl = settings.ttl;
  const Milliseconds shortest_loop = Seconds(form_of("loop_wait", Form::Kind::Number).lowest);
  if (shortest_loop + 2 * settings.retry_timeout > ttl) {
    settings.loop_wait = shortest_loop;
    settings.retry_timeout = std::chrono::floor<Seconds>((ttl - shortest_loop) / 2);
    // Below a ttl of 3 s whole seconds would leave nothing.
    if (settings.retry_timeout == 0s) settings.retry_timeout = (ttl - shortest_loop) / 2;
  } else if (settings.loop_wait + 2 * settings.retry_timeout > ttl) {
    settings.loop_wait = ttl - 2 * settings.retry_timeout;
  }
}

}  // namespace

Result<Settings, std::string> decode_settings(std::string_view config_json) {
  const std::optional<Json> config = read_json_object(config_json);
  if (!config) {
    return fail("the dynamic configuration is no JSON object: " +
                std::string(config_json.substr(0, 200)));
  }
  Settings settings;
  struct Timeout {
    std::string_view key;
    Milliseconds& value;
  };
  for (const Timeout& timeout :
       {Timeout{"ttl", settings.ttl}, Timeout{"loop_wait", settings.loop_wait},
        Timeout{"retry_timeout", settings.retry_timeout}}) {
    const auto found = timeout_of(*config, timeout.key, timeout.value);
    if (!found) return fail(found.error());
    timeout.value = *found;
  }
  fit_into_ttl(settings);
  settings.maximum_lag_on_failover_bytes =
      integer_of(*config, "maximum_lag_on_failover", settings.maximum_lag_on_failover_bytes);
  settings.maximum_lag_on_syncnode_bytes =
      integer_of(*config, "maximum_lag_on_syncnode", settings.maximum_lag_on_syncnode_bytes);
  settings.check_timeline = bool_of(*config, "check_timeline");
  settings.primary_start_timeout = renamed_timeout_of(
      *config, "primary_start_timeout", "master_start_timeout", settings.primary_start_timeout);
  settings.primary_stop_timeout = renamed_timeout_of(
      *config, "primary_stop_timeout", "master_stop_timeout", settings.primary_stop_timeout);
  settings.failsafe_mode = bool_of(*config, "failsafe_mode");
  settings.paused = bool_of(*config, "pause");
  settings.member_slots_ttl = member_slots_ttl_of(*config, settings.member_slots_ttl);
  if (const Json* limit = find(*config, kSlotsWalLimit); limit != nullptr)
    settings.slots_wal_limit_bytes = size_of(*limit).value_or(0);
  settings.max_timelines_history =
      static_cast<int>(integer_of(*config, "max_timelines_history", 0));
  settings.primary_race_backoff = seconds_of(*config, "primary_race_backoff", 0s);
  settings.permanent_slots = permanent_slots_of(*config).slots;
  settings.ignore_slots = ignore_slots_of(*config);
  settings.standby_cluster = standby_cluster_of(*config);
  read_synchronous(*config, settings);
  return read_postgresql(*config, std::move(settings));
}

namespace {

constexpr std::string_view kSeconds = "a whole number of seconds";
constexpr std::string_view kBytes = "a whole number of bytes, without a unit";
constexpr std::string_view kText = "a text";

struct Numeric {
  std::string_view key;
  std::string_view allowed;
  std::int64_t otherwise;
};

std::vector<Numeric> numeric_settings() {
  const Settings usual;
  const std::int64_t start = usual.primary_start_timeout / 1s;
  const std::int64_t stop = usual.primary_stop_timeout / 1s;
  return {{"maximum_lag_on_failover", kBytes, usual.maximum_lag_on_failover_bytes},
          {"maximum_lag_on_syncnode", kBytes, usual.maximum_lag_on_syncnode_bytes},
          {"primary_start_timeout", kSeconds, start},
          {"master_start_timeout", kSeconds, start},
          {"primary_stop_timeout", kSeconds, stop},
          {"master_stop_timeout", kSeconds, stop},
          {"primary_race_backoff", kSeconds, 0},
          {"max_timelines_history", "a whole number", 0},
          {"synchronous_node_count", "a whole number", 1}};
}

struct Flag {
  std::string_view key;
  bool otherwise;
};
constexpr Flag kFlags[] = {{"check_timeline", false},
                           {"failsafe_mode", false},
                           {"pause", false},
                           {"synchronous_mode_strict", false}};
constexpr Flag kPostgresqlFlags[] = {{"use_slots", true},
                                     {"use_pg_rewind", false},
                                     {"remove_data_directory_on_rewind_failure", false},
                                     {"remove_data_directory_on_diverged_timelines", false}};

bool is_port(std::string_view text) {
  const std::optional<std::int64_t> port = parse_integer(text);
  return port && *port >= 1 && *port <= 65535;
}

// One for each host, or one for all.
bool are_ports(const Json& value) {
  if (value.is_structured()) return false;
  const std::string text = as_text(value);
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    if (!is_port(rest.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    rest.remove_prefix(comma + 1);
  }
}

class Judge {
 public:
  explicit Judge(const Json& config) : config_(config) {}

  std::vector<DynamicRemark> remarks() {
    slots();
    numbers();
    flags(config_, "", kFlags);
    if (const Json* section = find(config_, "postgresql"); section != nullptr)
      flags(*section, "postgresql.", kPostgresqlFlags);
    units();
    const Json* mode = find(config_, "synchronous_mode");
    if (mode != nullptr && !as_bool(*mode) && !is_quorum(*mode))
      add("synchronous_mode", *mode, "on, off or quorum", "off");
    standby_cluster();
    return std::move(found_);
  }

 private:
  void add(const std::string& key, const Json& value, std::string_view allowed,
           const std::string& in_force = {}) {
    found_.push_back({.key = key,
                      .words = "is " + write_json(value) + "; allowed is " + std::string(allowed) +
                               (in_force.empty() ? "" : "; " + in_force + " is in force")});
  }

  void slots() {
    found_ = permanent_slots_of(config_).left_out;
    const Json* ignored = find(config_, "ignore_slots");
    if (ignored == nullptr || !is_truthy(*ignored)) return;
    const bool is_right =
        ignored->is_array() && std::all_of(ignored->begin(), ignored->end(),
                                           [](const Json& entry) { return entry.is_object(); });
    if (!is_right) add("ignore_slots", *ignored, "a list of maps with name, type, ...");
  }

  void numbers() {
    for (const Numeric& setting : numeric_settings()) {
      const Json* value = find(config_, setting.key);
      if (value == nullptr) continue;
      const Form& form = form_of(setting.key, Form::Kind::Number);
      const std::optional<std::int64_t> number = as_integer(*value);
      const std::int64_t in_force = number ? within(form, *number) : setting.otherwise;
      if (!number || in_force != *number)
        add(std::string(setting.key), *value, setting.allowed, std::to_string(in_force));
    }
  }

  template <std::size_t count>
  void flags(const Json& section, const std::string& path, const Flag (&known)[count]) {
    for (const Flag& flag : known) {
      const Json* value = find(section, flag.key);
      if (value != nullptr && !as_bool(*value))
        add(path + std::string(flag.key), *value, "true or false",
            flag.otherwise ? "true" : "false");
    }
  }

  void units() {
    const Json* limit = find(config_, kSlotsWalLimit);
    if (limit != nullptr && !size_of(*limit))
      add(std::string(kSlotsWalLimit), *limit, "a size, as in 64GB; 0: no limit", "0");
    const Json* time = find(config_, "member_slots_ttl");
    if (time == nullptr) return;
    const std::optional<Duration> duration = duration_of(*time, 1s);
    if (!duration || *duration < 0s)
      add("member_slots_ttl", *time, "a time, as in 30min", duration ? "0" : "30min");
  }

  // It has to be there under this name, and nobody sees the difference who looks for another one.
  void slot_of_standby_cluster(const std::string& name) {
    if (const std::string slot = slot_name_of(name); slot != name)
      found_.push_back(
          {.key = "standby_cluster.primary_slot_name",
           .words = "is " + name + ", which no slot can be called: the slot " + slot + " is used"});
  }

  void standby_cluster() {
    const Json* section = find(config_, "standby_cluster");
    if (section == nullptr || !is_truthy(*section)) return;
    if (!section->is_object()) return add("standby_cluster", *section, "a map of keys");
    if (!says_whom_to_follow(*section))
      found_.push_back({.key = "standby_cluster",
                        .words = "has neither host nor port nor restore_command; without one of "
                                 "them it is no standby cluster"});
    const auto judge = [&](const char* key, std::string_view allowed, auto is_right) {
      const Json* value = find(*section, key);
      if (value != nullptr && is_truthy(*value) && !is_right(*value))
        add("standby_cluster." + std::string(key), *value, allowed);
    };
    const auto is_text = [](const Json& value) { return !value.is_structured(); };
    judge("host", "a text, several hosts between commas", is_text);
    judge("port", "a port from 1 to 65535", are_ports);
    judge("restore_command", kText, is_text);
    judge("archive_cleanup_command", kText, is_text);
    judge("primary_slot_name", kText, is_text);
    if (const Json* slot = find(*section, "primary_slot_name"); slot != nullptr && is_text(*slot))
      slot_of_standby_cluster(as_text(*slot));
    judge("recovery_min_apply_delay", "a time, as in 5min", [](const Json& value) {
      const std::optional<Duration> delay = duration_of(value, 1ms);
      return delay && *delay >= 0s;
    });
  }

  const Json& config_;
  std::vector<DynamicRemark> found_;
};

}  // namespace

std::vector<DynamicRemark> settings_not_usable(std::string_view config_json) {
  const std::optional<Json> config = read_json_object(config_json);
  return config ? Judge(*config).remarks() : std::vector<DynamicRemark>{};
}

bool has_logical_slots_to_copy(std::string_view config_json) {
  const std::optional<Json> config = read_json_object(config_json);
  if (!config || standby_cluster_of(*config)) return false;
  const auto slots = permanent_slots_of(*config).slots;
  return std::any_of(slots.begin(), slots.end(),
                     [](const PermanentSlot& slot) { return slot.is_logical; });
}

}  // namespace pgherd
