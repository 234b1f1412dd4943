#include "rest/cluster_document.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "codec/time_values.h"
#include "rest/status_document.h"

namespace pgherd {
namespace {

using nlohmann::ordered_json;

const Settings& settings_of(const ClusterView& cluster) {
  static const Settings kDefaults;
  return cluster.config ? cluster.config->settings : kDefaults;
}

std::string role_of(const Member& member, const ClusterView& cluster) {
  const Settings& settings = settings_of(cluster);
  const bool is_standby_cluster = settings.standby_cluster.has_value();
  if (cluster.is_led_by(member.name)) return is_standby_cluster ? "standby_leader" : "leader";
  const bool is_sync_in_force =
      settings.synchronous_mode != SynchronousMode::Off && !is_standby_cluster;
  if (is_sync_in_force && cluster.sync && is_listed_as_sync(*cluster.sync, member.name)) {
    return settings.synchronous_mode == SynchronousMode::Quorum ? "quorum_standby" : "sync_standby";
  }
  return "replica";
}

std::string state_of(const Member& member, const std::string& role) {
  if (role != "leader" && !member.replication_state.empty()) return member.replication_state;
  return member.state ? std::string(to_string(*member.state)) : std::string();
}

void add_address(ordered_json& row, const Member& member) {
  const auto address = parse_conn_url(member.conn_url);
  if (!address) return;
  std::uint16_t port = 5432;
  std::from_chars(address->port.data(), address->port.data() + address->port.size(), port);
  row["host"] = address->host;
  row["port"] = port;
}

void add_published_facts(ordered_json& row, const Member& member) {
  if (member.timeline) row["timeline"] = member.timeline->value;
  if (member.pending_restart) row["pending_restart"] = true;
  for (const auto& [name, reason] : member.pending_restart_reason) {
    ordered_json& one = row["pending_restart_reason"][name];
    one["old_value"] = reason.old_value;
    one["new_value"] = reason.new_value;
  }
  const auto add_object = [&](const char* key, const std::string& text) {
    ordered_json object = ordered_json::parse(text, nullptr, false);
    if (object.is_object() && !object.empty()) row[key] = std::move(object);
  };
  add_object("scheduled_restart", member.scheduled_restart);
  add_object("tags", member.tags.published);
}

void add_position(ordered_json& row, const std::string& prefix, std::optional<Lsn> lsn, Lsn end) {
  const bool is_known = lsn && lsn->is_known();
  row[prefix + "lag"] = is_known ? ordered_json(lag_bytes(end, *lsn)) : ordered_json("unknown");
  row[prefix + "lsn"] = is_known ? ordered_json(to_string(*lsn)) : ordered_json("unknown");
}

ordered_json member_row(const Member& member, const ClusterView& cluster) {
  ordered_json row;
  const std::string role = role_of(member, cluster);
  row["name"] = member.name;
  row["role"] = role;
  row["state"] = state_of(member, role);
  row["api_url"] = member.api_url.empty() ? ordered_json(nullptr) : ordered_json(member.api_url);
  add_address(row, member);
  add_published_facts(row, member);
  if (!cluster.is_led_by(member.name)) {
    add_position(row, "receive_", member.receive_lsn, cluster.status.optime);
    add_position(row, "replay_", member.replay_lsn, cluster.status.optime);
    add_position(row, "", member.xlog_location, cluster.status.optime);
  }
  return row;
}

}  // namespace

ordered_json cluster_document(const ClusterView& cluster, const std::string& scope) {
  ordered_json document;
  document["members"] = ordered_json::array();
  for (const auto& [name, member] : cluster.members) {
    document["members"].push_back(member_row(member, cluster));
  }
  if (settings_of(cluster).paused) document["pause"] = true;
  if (cluster.failover && cluster.failover->scheduled_at) {
    ordered_json& scheduled = document["scheduled_switchover"];
    scheduled["at"] = format_time(
        ZonedTime{.at = *cluster.failover->scheduled_at, .east = cluster.failover->scheduled_east});
    if (cluster.failover->leader) scheduled["from"] = *cluster.failover->leader;
    if (cluster.failover->candidate) scheduled["to"] = *cluster.failover->candidate;
  }
  document["scope"] = scope;
  return document;
}

ordered_json history_document(const ClusterView& cluster) {
  ordered_json rows = ordered_json::array();
  if (!cluster.history) return rows;
  for (const HistoryRow& row : *cluster.history) {
    ordered_json one = ordered_json::array({row.parent.value, row.switched_at.bytes, row.reason});
    if (!row.timestamp.empty() || !row.new_leader.empty()) one.push_back(row.timestamp);
    if (!row.new_leader.empty()) one.push_back(row.new_leader);
    rows.push_back(std::move(one));
  }
  return rows;
}

}  // namespace pgherd
