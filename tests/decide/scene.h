// Scene: builds observations in the words of the domain. `Scene("a").led_by("b").standby(at(100))`
// is node a, whose PostgreSQL is a running standby at byte 100 of a cluster led by b.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "decide/decide.h"

namespace pgherd::test {

inline constexpr Revision kPicture{100};
inline constexpr LeaseId kLease{7};
inline constexpr const char* kSystemId = "7391442209411208193";

inline Instant at(Duration since_start) {
  return Instant::from_nanoseconds(1'000'000'000'000) + since_start;
}

inline Member member(const NodeName& name, int number) {
  Member made;
  made.name = name;
  made.conn_url = "postgres://10.0.0." + std::to_string(number) + ":5432/postgres";
  made.api_url = "http://10.0.0." + std::to_string(number) + ":8008/patroni";
  made.state = MemberState::Running;
  made.role = MemberRole::Replica;
  made.version = "4.1.4";
  return made;
}

class Scene {
 public:
  explicit Scene(NodeName me) {
    seen.self.name = std::move(me);
    seen.self.may_bootstrap = true;
    seen.self.bootstrap_config = "{}";
    seen.settings.ttl = 10s;
    seen.settings.loop_wait = 2s;
    seen.settings.use_pg_rewind = true;
    seen.store.is_reachable = true;
    seen.store.confirmed_at = now;
    seen.store.cluster = ClusterView{};
    cluster().revision = kPicture;
    cluster().initialize = InitializeKey{.value = kSystemId, .mod_revision = {1}, .lease = {}};
    cluster().config = ConfigKey{.json = "{}", .settings = seen.settings, .mod_revision = {2}};
    int number = 1;
    for (const char* name : {"a", "b", "c"})
      cluster().members[name] = member(name, number++);
    cluster().members[seen.self.name].lease = kLease;
    seen.session.lease = kLease;
    seen.session.ttl = 10s;
    seen.session.asked_ttl = 10s;
    seen.session.renewed_at = now;
    seen.instance.seen_at = now;
    seen.instance.data_directory = DataDirectory::Valid;
    seen.instance.control = ControlData{};
    seen.instance.control->system_id = kSystemId;
    seen.instance.control->timeline = Timeline{1};
    seen.instance.control->can_be_rewound = true;
    seen.instance.process = ProcessState::Stopped;
  }

  ClusterView& cluster() { return *seen.store.cluster; }

  Scene& led_by(const NodeName& name) {
    const LeaseId lease = name == seen.self.name ? kLease : LeaseId{9};
    cluster().leader =
        LeaderKey{.name = name, .lease = lease, .create_revision = {50}, .mod_revision = {50}};
    if (cluster().members.contains(name)) cluster().members[name].role = MemberRole::Primary;
    memory.election.last_leader = name;
    if (name == seen.self.name) {
      seen.session.leads = true;
      seen.session.led_at = seen.session.renewed_at;
      seen.session.led_ttl = seen.session.ttl;
      seen.session.leader_revision = Revision{50};
    }
    return *this;
  }
  Scene& standby(Lsn position) {
    seen.instance.process = ProcessState::Running;
    seen.instance.in_recovery = true;
    seen.instance.has_standby_signal = true;
    seen.instance.timeline = Timeline{1};
    seen.instance.received = position;
    seen.instance.replayed = position;
    seen.instance.control->state = ControlState::InArchiveRecovery;
    return *this;
  }
  Scene& primary(Lsn position, Timeline timeline = {1}) {
    seen.instance.process = ProcessState::Running;
    seen.instance.in_recovery = false;
    seen.instance.timeline = timeline;
    seen.instance.flushed = position;
    seen.instance.control->state = ControlState::InProduction;
    seen.instance.control->timeline = timeline;
    return *this;
  }
  Scene& down(ControlState state) {
    seen.instance.process = ProcessState::Stopped;
    seen.instance.in_recovery.reset();
    seen.instance.control->state = state;
    return *this;
  }
  Scene& peer(const NodeName& name, Lsn position, bool in_recovery = true) {
    PeerView view;
    view.asked_at = now;
    view.answered_at = now;
    view.is_reachable = true;
    view.in_recovery = in_recovery;
    view.position = position;
    view.timeline = Timeline{1};
    view.is_streaming = in_recovery;
    seen.peers[name] = view;
    return *this;
  }
  Scene& silent_peer(const NodeName& name) {
    PeerView view;
    view.asked_at = now;
    view.answered_at = now;
    seen.peers[name] = view;
    return *this;
  }
  Scene& unlocked() {
    memory.election.unlocked_since = now;
    memory.election.last_leader = "b";
    memory.election.last_known_members = cluster().members;
    return *this;
  }
  Scene& under_way(Step step) {
    const Lane lane = lane_of(step);
    seen.under_way.insert_or_assign(lane, UnderWay{.step = std::move(step), .started_at = now});
    return *this;
  }
  Scene& later(Duration by) {
    now = now + by;
    return *this;
  }

  Decision decide() {
    last = pgherd::decide(seen, memory, now);
    memory = last.memory;
    return last;
  }
  template <typename S>
  std::optional<S> planned() {
    decide();
    for (const Step& step : last.plan) {
      if (const auto* found = std::get_if<S>(&step)) return *found;
    }
    return std::nullopt;
  }
  bool gives_reason(const std::string& rule) const {
    for (const Reason& reason : last.reasons) {
      if (reason.rule == rule) return true;
    }
    return false;
  }

  Instant now = at(0s);
  Observation seen;
  Memory memory;
  Decision last;
};

}  // namespace pgherd::test
