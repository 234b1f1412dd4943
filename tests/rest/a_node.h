// Builders of what the HTTP API is given.
#pragma once

#include <string>

#include "rest/node_status.h"

namespace pgherd::test {

inline Member a_member(const std::string& name, MemberRole role = MemberRole::Replica) {
  Member member;
  member.name = name;
  member.conn_url = "postgres://10.0.0.1:5432/postgres";
  member.api_url = "http://127.0.0.1:1/patroni";
  member.state = MemberState::Running;
  member.role = role;
  member.timeline = Timeline{7};
  member.xlog_location = Lsn{1000};
  if (role == MemberRole::Replica) {
    member.replication_state = "streaming";
    member.receive_lsn = Lsn{1000};
    member.replay_lsn = Lsn{900};
  }
  return member;
}

// `a` leads, `b` follows.
inline ClusterView a_cluster() {
  ClusterView cluster;
  cluster.revision = Revision{100};
  cluster.leader = LeaderKey{.name = "a", .lease = {}, .create_revision = {}, .mod_revision = {}};
  cluster.status.optime = Lsn{1000};
  cluster.members["a"] = a_member("a", MemberRole::Primary);
  cluster.members["b"] = a_member("b");
  ConfigKey config;
  config.json = R"({"ttl":30})";
  config.mod_revision = Revision{50};
  cluster.config = config;
  return cluster;
}

inline NodeStatus a_node(const std::string& name) {
  NodeStatus status;
  status.scope = "main";
  status.self.name = name;
  status.self.version = "4.1.4";
  status.cluster = a_cluster();
  status.dcs_last_seen = 1785000000;
  status.now = Instant::from_nanoseconds(1000000000000);
  status.next_run = status.now + 5s;
  status.wall_now = WallTime{1785000000000000};
  status.state = MemberState::Running;
  InstanceView& instance = status.instance;
  instance.seen_at = status.now;
  instance.process = ProcessState::Running;
  instance.server_version = 170004;
  instance.postmaster_start_time = "2026-07-24 10:11:12.5+00";
  instance.timeline = Timeline{7};
  instance.control = ControlData{.system_id = "7391442209411208193"};
  return status;
}

inline NodeStatus a_primary() {
  NodeStatus status = a_node("a");
  status.role = MemberRole::Primary;
  status.leads = true;
  status.instance.in_recovery = false;
  status.instance.flushed = Lsn{1000};
  return status;
}

inline NodeStatus a_standby() {
  NodeStatus status = a_node("b");
  status.role = MemberRole::Replica;
  status.instance.in_recovery = true;
  status.instance.is_streaming = true;
  status.instance.received = Lsn{1000};
  status.instance.replayed = Lsn{900};
  status.instance.replayed_timestamp = "2026-07-24 10:12:00+00";
  return status;
}

inline NodeStatus a_standby_leader() {
  NodeStatus status = a_node("a");
  status.role = MemberRole::StandbyLeader;
  status.leads = true;
  status.settings.standby_cluster = StandbyClusterSettings{.host = "10.9.9.9"};
  status.instance.in_recovery = true;
  status.instance.is_streaming = true;
  status.instance.received = Lsn{1000};
  status.instance.replayed = Lsn{1000};
  return status;
}

inline NodeStatus synchronous(NodeStatus status, SynchronousMode mode, const NodeName& standby) {
  status.settings.synchronous_mode = mode;
  status.cluster->config->settings.synchronous_mode = mode;
  SyncKey sync;
  sync.leader = "a";
  sync.standbys = {standby};
  status.cluster->sync = sync;
  return status;
}

inline NodeStatus tagged(NodeStatus status, const std::string& json) {
  status.self.tags.published = json;
  return status;
}

}  // namespace pgherd::test
