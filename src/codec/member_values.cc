// `members/<name>` (Patroni ha.py touch_member).
#include <algorithm>
#include <limits>

#include "codec/dcs_values.h"
#include "codec/json_reading.h"
#include "codec/tags.h"

namespace pgherd {
namespace {

void put_text(Json& object, const char* key, std::string_view value) {
  if (!value.empty()) object[key] = value;
}

void put_object(Json& object, const char* key, std::string_view json) {
  if (std::optional<Json> value = read_json_object(json); value && !value->empty()) {
    object[key] = std::move(*value);
  }
}

void put_lsn(Json& object, const char* key, const std::optional<Lsn>& lsn) {
  if (lsn) object[key] = lsn->bytes;
}

std::optional<Lsn> lsn_of(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  return value == nullptr ? std::nullopt : as_lsn(*value);
}

bool bool_of(const Json& object, std::string_view key, bool otherwise) {
  const Json* value = find(object, key);
  return value == nullptr ? otherwise : as_bool(*value).value_or(otherwise);
}

std::optional<Timeline> timeline_of(const Json& object) {
  const Json* value = find(object, "timeline");
  const auto number = value == nullptr ? std::nullopt : as_integer(*value);
  if (!number || *number <= 0 || *number > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return Timeline{static_cast<std::uint32_t>(*number)};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = text[at] == '%' && at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
    if (low >= 0) {
      plain.push_back(static_cast<char>(high * 16 + low));
      at += 2;
    } else {
      plain.push_back(text[at] == '+' ? ' ' : text[at]);
    }
  }
  return plain;
}

// postgres://host:port/db?application_name=<api_url>
Member legacy_member(const NodeName& name, std::string_view text) {
  Member member;
  member.name = name;
  const std::size_t question = text.find('?');
  member.conn_url = text.substr(0, question);
  std::string_view query =
      question == std::string_view::npos ? std::string_view() : text.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view field = query.substr(0, end);
    constexpr std::string_view kKey = "application_name=";
    if (field.starts_with(kKey)) member.api_url = percent_decoded(field.substr(kKey.size()));
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return member;
}

Json pending_restart_reason(const Member& member) {
  Json reasons = Json::object();
  for (const auto& [parameter, reason] : member.pending_restart_reason) {
    reasons[parameter] = {{"old_value", reason.old_value}, {"new_value", reason.new_value}};
  }
  return reasons;
}

void read_pending_restart(const Json& object, Member& member) {
  member.pending_restart = bool_of(object, "pending_restart", false);
  const Json* reasons = find(object, "pending_restart_reason");
  if (reasons == nullptr || !reasons->is_object()) return;
  for (const auto& [parameter, reason] : reasons->items()) {
    member.pending_restart_reason[parameter] = {.old_value = text_of(reason, "old_value"),
                                                .new_value = text_of(reason, "new_value")};
  }
}

Json copy_progress(const CopyProgress& copy) {
  Json object = Json::object();
  put_text(object, "from", copy.from);
  object["copied_bytes"] = copy.copied_bytes;
  if (copy.total_bytes != 0) object["total_bytes"] = copy.total_bytes;
  object["seconds"] = copy.seconds;
  return object;
}

std::int64_t count_of(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  const auto number = value == nullptr ? std::nullopt : as_integer(*value);
  return std::max<std::int64_t>(number.value_or(0), 0);
}

std::optional<CopyProgress> copy_progress_of(const Json& member) {
  const Json* object = find(member, "copy");
  if (object == nullptr || !object->is_object()) return std::nullopt;
  return CopyProgress{.from = text_of(*object, "from"),
                      .copied_bytes = static_cast<std::uint64_t>(count_of(*object, "copied_bytes")),
                      .total_bytes = static_cast<std::uint64_t>(count_of(*object, "total_bytes")),
                      .seconds = count_of(*object, "seconds")};
}

}  // namespace

std::string encode_member(const Member& member) {
  Json object = Json::object();
  put_text(object, "conn_url", member.conn_url);
  put_text(object, "api_url", member.api_url);
  if (member.state) object["state"] = to_string(*member.state);
  if (member.role) object["role"] = to_string(*member.role);
  put_text(object, "version", member.version);
  put_text(object, "proxy_url", member.proxy_url);
  if (member.checkpoint_after_promote_is_pending) object["checkpoint_after_promote"] = false;
  put_object(object, "tags", member.tags.published);
  if (member.pending_restart) object["pending_restart"] = true;
  if (!member.pending_restart_reason.empty()) {
    object["pending_restart_reason"] = pending_restart_reason(member);
  }
  put_lsn(object, "xlog_location", member.xlog_location);
  put_lsn(object, "replay_lsn", member.replay_lsn);
  put_lsn(object, "receive_lsn", member.receive_lsn);
  put_text(object, "replication_state", member.replication_state);
  if (member.timeline) object["timeline"] = member.timeline->value;
  put_object(object, "scheduled_restart", member.scheduled_restart);
  if (member.pause) object["pause"] = true;
  if (member.copy) object["copy"] = copy_progress(*member.copy);
  return write_json(object);
}

Member decode_member(const NodeName& name, std::string_view text) {
  if (text.starts_with("postgres")) return legacy_member(name, text);
  Member member;
  member.name = name;
  const std::optional<Json> found = read_json_object(text);
  if (!found) return member;
  const Json& object = *found;
  member.conn_url = text_of(object, "conn_url");
  member.api_url = text_of(object, "api_url");
  member.proxy_url = text_of(object, "proxy_url");
  member.state = parse_member_state(text_of(object, "state"));
  member.role = parse_member_role(text_of(object, "role"));
  member.version = text_of(object, "version");
  if (const Json* tags = find(object, "tags")) member.tags = decode_member_tags(write_json(*tags));
  member.xlog_location = lsn_of(object, "xlog_location");
  member.receive_lsn = lsn_of(object, "receive_lsn");
  member.replay_lsn = lsn_of(object, "replay_lsn");
  member.replication_state = text_of(object, "replication_state");
  member.timeline = timeline_of(object);
  member.checkpoint_after_promote_is_pending = !bool_of(object, "checkpoint_after_promote", true);
  read_pending_restart(object, member);
  member.pause = bool_of(object, "pause", false);
  member.copy = copy_progress_of(object);
  const Json* restart = find(object, "scheduled_restart");
  if (restart != nullptr && restart->is_object()) member.scheduled_restart = write_json(*restart);
  return member;
}

}  // namespace pgherd
