#include "rest/status_document.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace pgherd {
namespace {

using nlohmann::ordered_json;

bool equal_ignoring_case(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
}

// PostgreSQL is asked only in these states.
bool answers_queries(MemberState state) {
  return state == MemberState::Running || state == MemberState::Restarting ||
         state == MemberState::Starting;
}

std::string role_of(const NodeStatus& status, bool query_is_ok) {
  if (!query_is_ok) return std::string(to_string(status.role));
  if (!*status.instance.in_recovery) return "primary";
  if (status.is_standby_cluster()) return std::string(to_string(status.role));
  return "replica";
}

std::string replication_state_of(const InstanceView& instance) {
  if (instance.in_recovery != true) return "";
  if (instance.is_streaming) return "streaming";
  return instance.has_restore_command ? "in archive recovery" : "";
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json positions_of(const InstanceView& instance) {
  ordered_json xlog;
  if (!*instance.in_recovery) {
    xlog["location"] = instance.flushed.bytes;
    return xlog;
  }
  const Lsn received = instance.received.is_known() ? instance.received : instance.replayed;
  xlog["received_location"] = received.bytes;
  xlog["replayed_location"] = instance.replayed.bytes;
  xlog["replayed_timestamp"] = text_or_null(spelled_out_timestamp(instance.replayed_timestamp));
  xlog["paused"] = instance.replay_is_paused;
  return xlog;
}

ordered_json senders_of(const InstanceView& instance) {
  ordered_json list = ordered_json::array();
  for (const WalSenderView& sender : instance.wal_senders) {
    ordered_json one;
    one["usename"] = sender.user;
    one["application_name"] = sender.application_name;
    one["client_addr"] = text_or_null(sender.client_address);
    one["state"] = sender.state;
    one["sync_state"] = sender.sync_state;
    one["sync_priority"] = sender.sync_priority;
    list.push_back(std::move(one));
  }
  return list;
}

ordered_json reasons_of(const std::map<std::string, PendingRestartReason>& reasons) {
  ordered_json object = ordered_json::object();
  for (const auto& [name, reason] : reasons) {
    object[name]["old_value"] = reason.old_value;
    object[name]["new_value"] = reason.new_value;
  }
  return object;
}

// An object given as text by somebody else; anything else is left out of the document.
ordered_json object_or_null(const std::string& text) {
  ordered_json parsed = ordered_json::parse(text, nullptr, false);
  if (!parsed.is_object() || parsed.empty()) return nullptr;
  return parsed;
}

void add_sql_part(ordered_json& document, const NodeStatus& status, const StatusFacts& facts) {
  document["state"] = facts.state;
  const InstanceView& instance = status.instance;
  if (facts.query_is_ok && !instance.postmaster_start_time.empty()) {
    document["postmaster_start_time"] = spelled_out_timestamp(instance.postmaster_start_time);
  }
  document["role"] = facts.role;
  if (facts.query_is_ok) {
    document["server_version"] = instance.server_version;
    document["xlog"] = positions_of(instance);
  }
  if (facts.is_sync_standby) document["sync_standby"] = true;
  if (facts.is_quorum_standby) document["quorum_standby"] = true;
  if (!facts.query_is_ok) return;
  document["timeline"] =
      instance.timeline.is_known() ? ordered_json(instance.timeline.value) : ordered_json(nullptr);
  if (!facts.replication_state.empty()) document["replication_state"] = facts.replication_state;
  if (!instance.wal_senders.empty()) document["replication"] = senders_of(instance);
}

void add_cluster_part(ordered_json& document, const NodeStatus& status) {
  if (status.settings.paused) document["pause"] = true;
  if (!status.cluster || !status.cluster->has_leader()) document["cluster_unlocked"] = true;
  if (status.is_failsafe_active) document["failsafe_mode_is_active"] = true;
  document["dcs_last_seen"] = status.dcs_last_seen;
}

// Positions as pg_waldump wants and says them.
ordered_json diverged_wal(const DivergedWal& wal) {
  ordered_json object;
  object["timeline"] = wal.timeline.value;
  const Lsn from = wal.counted ? wal.counted->from : wal.from;
  if (from.is_known()) object["from"] = to_string(from);
  if (wal.counted) {
    object["to"] = to_string(wal.counted->to);
    object["records"] = wal.counted->records;
    object["commits"] = wal.counted->commits;
    object["aborts"] = wal.counted->aborts;
  }
  if (!wal.kept_in.empty()) object["kept_in"] = wal.kept_in;
  return object;
}

void add_node_part(ordered_json& document, const NodeStatus& status) {
  if (auto tags = object_or_null(status.self.tags.published); !tags.is_null()) {
    document["tags"] = std::move(tags);
  }
  if (status.instance.control && !status.instance.control->system_id.empty()) {
    document["database_system_identifier"] = status.instance.control->system_id;
  }
  if (!status.instance.pending_restart.empty()) {
    document["pending_restart"] = true;
    document["pending_restart_reason"] = reasons_of(status.instance.pending_restart);
  }
  if (const auto& copy = status.instance.copy) {
    if (!copy->from.empty()) document["copy"]["from"] = copy->from;
    document["copy"]["copied_bytes"] = copy->copied_bytes;
    if (copy->total_bytes != 0) document["copy"]["total_bytes"] = copy->total_bytes;
    document["copy"]["seconds"] = copy->seconds;
  }
  if (const auto& wal = status.instance.diverged) document["diverged_wal"] = diverged_wal(*wal);
  document["patroni"]["version"] = status.self.version;
  document["patroni"]["scope"] = status.scope;
  document["patroni"]["name"] = status.self.name;
  if (auto scheduled = object_or_null(status.scheduled_restart); !scheduled.is_null()) {
    scheduled.erase("postmaster_start_time");
    document["scheduled_restart"] = std::move(scheduled);
  }
  if (status.watchdog_failed) document["watchdog_failed"] = true;
  // A line or two of the present round are no backlog.
  constexpr std::size_t kUsualBacklog = 2;
  if (status.log_lines_waiting > kUsualBacklog)
    document["logger_queue_size"] = status.log_lines_waiting;
  if (status.log_lines_lost > 0) document["logger_records_lost"] = status.log_lines_lost;
  if (status.failed_promotions > 0) document["failed_promotions"] = status.failed_promotions;
}

}  // namespace

bool is_listed_as_sync(const SyncKey& sync, const NodeName& name) {
  if (sync.leader.empty()) return false;
  return std::any_of(sync.standbys.begin(), sync.standbys.end(),
                     [&](const NodeName& one) { return equal_ignoring_case(one, name); });
}

StatusFacts status_facts(const NodeStatus& status) {
  StatusFacts facts;
  facts.query_is_ok = answers_queries(status.state) &&
                      status.instance.process == ProcessState::Running &&
                      status.instance.in_recovery.has_value();
  facts.state = !facts.query_is_ok && status.state == MemberState::Running
                    ? "unknown"
                    : std::string(to_string(status.state));
  facts.role = role_of(status, facts.query_is_ok);
  if (facts.query_is_ok) facts.replication_state = replication_state_of(status.instance);
  // Synchronous settings mean nothing in a standby cluster.
  const bool is_in_force =
      status.settings.synchronous_mode != SynchronousMode::Off && !status.is_standby_cluster();
  if (is_in_force && facts.role == "replica" && status.cluster && status.cluster->sync &&
      is_listed_as_sync(*status.cluster->sync, status.self.name)) {
    const bool is_quorum = status.settings.synchronous_mode == SynchronousMode::Quorum;
    (is_quorum ? facts.is_quorum_standby : facts.is_sync_standby) = true;
  }
  return facts;
}

ordered_json status_document(const NodeStatus& status) {
  ordered_json document;
  add_sql_part(document, status, status_facts(status));
  add_cluster_part(document, status);
  add_node_part(document, status);
  return document;
}

std::string spelled_out_timestamp(std::string_view text) {
  const std::size_t sign = text.find_last_of("+-");
  const std::size_t time = text.find(':');
  if (time == std::string_view::npos) return std::string(text);
  const bool has_offset = sign != std::string_view::npos && sign > time;
  std::string offset(has_offset ? text.substr(sign) : std::string_view());
  std::string result(has_offset ? text.substr(0, sign) : text);
  if (const std::size_t point = result.find('.'); point != std::string::npos) {
    result.resize(std::max(result.size(), point + 7), '0');
  }
  if (offset.size() == 3) offset += ":00";
  return result + offset;
}

}  // namespace pgherd
