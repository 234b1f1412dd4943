// `status`, `history`, `failover`, `sync`, `failsafe` (Patroni dcs/__init__.py).
#include <algorithm>
#include <limits>

#include "codec/dcs_values.h"
#include "codec/json_reading.h"
#include "codec/time_values.h"

namespace pgherd {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t end = text.find(separator);
    words.emplace_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return words;
    text.remove_prefix(end + 1);
  }
}

// Some writers put these two into /status as JSON inside of a string.
std::optional<Json> unwrapped(const Json* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return read_json(value->get_ref<const std::string&>());
  return *value;
}

std::optional<HistoryRow> history_row(const Json& columns) {
  if (!columns.is_array() || columns.size() < 2) return std::nullopt;
  const std::optional<std::int64_t> parent = as_integer(columns[0]);
  const std::optional<Lsn> switched_at = as_lsn(columns[1]);
  if (!parent || *parent <= 0 || *parent >= std::numeric_limits<std::uint32_t>::max() ||
      !switched_at) {
    return std::nullopt;
  }
  const auto column = [&](std::size_t index) {
    return index < columns.size() ? as_text(columns[index]) : std::string();
  };
  return HistoryRow{.parent = Timeline{static_cast<std::uint32_t>(*parent)},
                    .switched_at = *switched_at,
                    .reason = column(2),
                    .timestamp = column(3),
                    .new_leader = column(4)};
}

std::optional<FailoverRequest> legacy_failover(std::string_view text) {
  const std::vector<std::string> words = split(text, ':');
  FailoverRequest request;
  if (!words[0].empty()) request.leader = words[0];
  if (words.size() > 1 && !words[1].empty()) request.candidate = words[1];
  if (!request.leader && !request.candidate) return std::nullopt;
  return request;
}

}  // namespace

std::string encode_status(const StatusKey& status) {
  Json object = {{"optime", status.optime.bytes}};
  for (const auto& [slot, position] : status.slots)
    object["slots"][slot] = position.bytes;
  if (!status.retain_slots.empty()) {
    std::vector<std::string> sorted = status.retain_slots;
    std::sort(sorted.begin(), sorted.end());
    object["retain_slots"] = sorted;
  }
  return write_json(object);
}

StatusKey decode_status(std::string_view text) {
  StatusKey status;
  const std::optional<Json> value = read_json(text);
  if (!value) return status;
  if (!value->is_object()) {
    status.optime = as_lsn(*value).value_or(Lsn{});
    return status;
  }
  if (const Json* optime = find(*value, "optime")) {
    status.optime = as_lsn(*optime).value_or(Lsn{});
  }
  if (const auto slots = unwrapped(find(*value, "slots")); slots && slots->is_object()) {
    for (const auto& [slot, position] : slots->items()) {
      if (const auto lsn = as_lsn(position)) status.slots[slot] = *lsn;
    }
  }
  if (const auto names = unwrapped(find(*value, "retain_slots")); names && names->is_array()) {
    for (const Json& name : *names) {
      if (name.is_string()) status.retain_slots.push_back(name.get<std::string>());
    }
  }
  return status;
}

std::string encode_history(const std::vector<HistoryRow>& rows) {
  Json list = Json::array();
  for (const HistoryRow& row : rows) {
    Json columns = {row.parent.value, row.switched_at.bytes, row.reason};
    if (!row.timestamp.empty() || !row.new_leader.empty()) columns.push_back(row.timestamp);
    if (!row.new_leader.empty()) columns.push_back(row.new_leader);
    list.push_back(std::move(columns));
  }
  return write_json(list);
}

std::optional<std::vector<HistoryRow>> decode_history(std::string_view text) {
  const std::optional<Json> list = read_json(text);
  if (!list || !list->is_array()) return std::nullopt;
  std::vector<HistoryRow> rows;
  for (const Json& columns : *list) {
    // A list with a hole would tell a wrong newest timeline.
    std::optional<HistoryRow> row = history_row(columns);
    if (!row) return std::nullopt;
    rows.push_back(std::move(*row));
  }
  return rows;
}

std::string encode_failover(const FailoverRequest& request) {
  Json object = Json::object();
  if (request.leader) object["leader"] = *request.leader;
  if (request.candidate) object["member"] = *request.candidate;
  if (request.scheduled_at) {
    object["scheduled_at"] =
        format_time(ZonedTime{.at = *request.scheduled_at, .east = request.scheduled_east});
  }
  return write_json(object);
}

std::optional<FailoverRequest> decode_failover(std::string_view text) {
  const std::optional<Json> value = read_json(text);
  if (!value) {
    // Broken JSON is no name of a member.
    if (trimmed(text).starts_with('{') || trimmed(text).starts_with('[')) return std::nullopt;
    return legacy_failover(text);
  }
  FailoverRequest request;
  if (std::string leader = text_of(*value, "leader"); !leader.empty()) {
    request.leader = std::move(leader);
  }
  if (std::string candidate = text_of(*value, "member"); !candidate.empty()) {
    request.candidate = std::move(candidate);
  }
  if (!request.leader && !request.candidate) return std::nullopt;
  if (const Json* scheduled_at = find(*value, "scheduled_at"); scheduled_at != nullptr) {
    if (is_truthy(*scheduled_at)) {
      const auto time = parse_zoned_time(as_text(*scheduled_at));
      if (time) request.scheduled_at = time->at;
      if (time) request.scheduled_east = time->east;
      request.schedule_is_unreadable = !time;
    }
  }
  return request;
}

std::string encode_sync(const SyncKey& sync) {
  Json object = {{"leader", nullptr}, {"quorum", 0}, {"sync_standby", nullptr}};
  if (sync.leader.empty()) return write_json(object);
  object["leader"] = sync.leader;
  object["quorum"] = sync.quorum;
  std::vector<NodeName> sorted = sync.standbys;
  std::sort(sorted.begin(), sorted.end());
  std::string joined;
  for (const NodeName& name : sorted)
    joined.append(joined.empty() ? "" : ",").append(name);
  if (!joined.empty()) object["sync_standby"] = joined;
  return write_json(object);
}

std::optional<SyncKey> decode_sync(std::string_view text) {
  const std::optional<Json> object = read_json_object(text);
  if (!object) return std::nullopt;
  SyncKey sync;
  sync.leader = text_of(*object, "leader");
  if (sync.leader.empty()) return sync;
  if (const Json* quorum = find(*object, "quorum")) {
    constexpr std::int64_t kMax = std::numeric_limits<int>::max();
    const std::int64_t number = as_integer(*quorum).value_or(0);
    sync.quorum = static_cast<int>(std::clamp<std::int64_t>(number, 0, kMax));
  }
  for (std::string& name : split(text_of(*object, "sync_standby"), ',')) {
    if (!name.empty()) sync.standbys.push_back(std::move(name));
  }
  std::sort(sync.standbys.begin(), sync.standbys.end());
  return sync;
}

std::string encode_failsafe(const std::map<NodeName, std::string>& members) {
  Json object = Json::object();
  for (const auto& [name, url] : members)
    object[name] = url;
  return write_json(object);
}

std::map<NodeName, std::string> decode_failsafe(std::string_view text) {
  std::map<NodeName, std::string> topology;
  const std::optional<Json> object = read_json_object(text);
  if (!object) return topology;
  for (const auto& [name, url] : object->items()) {
    if (url.is_string()) topology[name] = url.get<std::string>();
  }
  return topology;
}

std::string encode_router(Revision at_rest_for) {
  return write_json(Json{{"at_rest_for", at_rest_for.value}});
}

Revision decode_router(std::string_view text) {
  const std::optional<Json> object = read_json_object(text);
  const Json* found = object ? find(*object, "at_rest_for") : nullptr;
  return Revision{found != nullptr ? as_integer(*found).value_or(0) : 0};
}

}  // namespace pgherd
