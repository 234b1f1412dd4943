#include "codec/tags.h"

#include <algorithm>
#include <limits>

#include "codec/json_reading.h"

namespace pgherd {
namespace {

// A word that is no boolean counts as set: "nofailover: never" was meant as a restriction.
bool flag(const Json& tags, std::string_view name) {
  const Json* value = find(tags, name);
  return value != nullptr && as_bool(*value).value_or(is_truthy(*value));
}

int priority(const Json& tags, std::string_view name) {
  const Json* value = find(tags, name);
  if (value == nullptr) return 1;
  constexpr std::int64_t kMax = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<std::int64_t>(as_integer(*value).value_or(1), -1, kMax));
}

void resolve(const Json& tags, std::string_view flag_name, std::string_view priority_name,
             bool& is_excluded, int& effective_priority) {
  effective_priority = priority(tags, priority_name);
  const bool flag_is_said = find(tags, flag_name) != nullptr;
  is_excluded = flag_is_said ? flag(tags, flag_name) : effective_priority <= 0;
  effective_priority = is_excluded ? 0 : std::max(effective_priority, 1);
}

Json published(const Json& tags) {
  Json kept = Json::object();
  for (const auto& [name, value] : tags.items()) {
    const bool is_flag = name == "clonefrom" || name == "nofailover" || name == "noloadbalance" ||
                         name == "nosync" || name == "nostream";
    const bool contrasts = (name == "nofailover" && find(tags, "failover_priority") != nullptr) ||
                           (name == "nosync" && find(tags, "sync_priority") != nullptr);
    if (value.is_null() || (is_flag && !contrasts && !flag(tags, name))) continue;
    // What is not set must not look set to those who take every word for it.
    const bool is_word_for_no = is_flag && value.is_string() && !flag(tags, name);
    kept[name] = is_word_for_no ? Json(false) : value;
  }
  return kept;
}

}  // namespace

Tags decode_tags(std::string_view json) {
  Tags tags;
  const std::optional<Json> object = read_json_object(json);
  if (!object) return tags;
  resolve(*object, "nofailover", "failover_priority", tags.nofailover, tags.failover_priority);
  resolve(*object, "nosync", "sync_priority", tags.nosync, tags.sync_priority);
  tags.clonefrom = flag(*object, "clonefrom");
  tags.noloadbalance = flag(*object, "noloadbalance");
  tags.nostream = flag(*object, "nostream");
  if (std::string upstream = text_of(*object, "replicatefrom"); !upstream.empty()) {
    tags.replicatefrom = std::move(upstream);
  }
  if (const Json kept = published(*object); !kept.empty()) tags.published = write_json(kept);
  return tags;
}

Tags decode_member_tags(std::string_view json) {
  std::optional<Json> object = read_json_object(json);
  if (!object) return Tags{};
  for (const char* name : {"clonefrom", "nofailover", "noloadbalance", "nosync"}) {
    const Json* value = find(*object, name);
    if (value != nullptr && value->is_string()) (*object)[name] = is_truthy(*value);
  }
  return decode_tags(write_json(*object));
}

Tags released_from_sync(const Tags& tags) {
  Json object = read_json_object(tags.published).value_or(Json::object());
  object["nosync"] = true;
  object["sync_priority"] = 0;
  return decode_tags(write_json(object));
}

}  // namespace pgherd
