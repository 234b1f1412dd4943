// A herd of any size as values: what benchmarks think about and read.
#pragma once

#include <string>

#include "decide/observation.h"

namespace pgherd::bench {

inline NodeName node_name(int number) {
  return "pg" + std::to_string(number);
}

inline Member member(int number) {
  Member made;
  made.name = node_name(number);
  made.conn_url = "postgres://10.0.0." + std::to_string(number) + ":5432/postgres";
  made.api_url = "http://10.0.0." + std::to_string(number) + ":8008/patroni";
  made.state = MemberState::Running;
  made.role = number == 0 ? MemberRole::Primary : MemberRole::Replica;
  made.version = "4.1.4";
  made.timeline = Timeline{3};
  made.xlog_location = Lsn{1'000'000};
  return made;
}

// pg0 leads, and nothing is to be done.
inline ClusterView cluster(int nodes, const Settings& settings) {
  ClusterView view;
  view.revision = Revision{100};
  view.initialize = InitializeKey{.value = "7391442209411208193", .mod_revision = {1}, .lease = {}};
  view.config = ConfigKey{.json = "{}", .settings = settings, .mod_revision = {2}};
  view.leader = LeaderKey{
      .name = node_name(0), .lease = LeaseId{7}, .create_revision = {50}, .mod_revision = {50}};
  for (int number = 0; number < nodes; ++number) {
    Member one = member(number);
    one.lease = LeaseId{7 + number};
    view.members[one.name] = one;
  }
  return view;
}

// As node `me` sees it.
inline Observation observation(int nodes, int me, Instant now) {
  Observation seen;
  seen.self.name = node_name(me);
  seen.self.conn_url = member(me).conn_url;
  seen.self.api_url = member(me).api_url;
  seen.self.version = "4.1.4";
  seen.settings.ttl = 30s;
  seen.settings.loop_wait = 10s;
  seen.store.is_reachable = true;
  seen.store.confirmed_at = now;
  seen.store.cluster = cluster(nodes, seen.settings);
  seen.session.lease = LeaseId{7 + me};
  seen.session.ttl = seen.session.asked_ttl = 30s;
  seen.session.renewed_at = now;
  seen.session.leads = me == 0;
  InstanceView& instance = seen.instance;
  instance.seen_at = now;
  instance.data_directory = DataDirectory::Valid;
  instance.control = ControlData{};
  instance.control->system_id = "7391442209411208193";
  instance.control->timeline = Timeline{3};
  instance.process = ProcessState::Running;
  instance.postmaster_pid = 4711;
  instance.in_recovery = me != 0;
  instance.has_standby_signal = me != 0;
  instance.is_streaming = me != 0;
  instance.timeline = Timeline{3};
  instance.received = instance.replayed = instance.flushed = Lsn{1'000'000};
  return seen;
}

}  // namespace pgherd::bench
