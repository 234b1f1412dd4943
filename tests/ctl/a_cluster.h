// Builders for the clusters of ctl's tests.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "model/cluster_view.h"

namespace pgherd::ctl::test {

inline Member a_member(const std::string& name, const std::string& host) {
  Member member{.name = name,
                .conn_url = "postgres://" + host + "/postgres",
                .api_url = "http://" + host.substr(0, host.find(':')) + ":8008/patroni",
                .state = MemberState::Running,
                .role = MemberRole::Replica,
                .version = "4.1.4",
                .timeline = Timeline{7}};
  return member;
}

inline Member a_leader(const std::string& name, const std::string& host) {
  Member member = a_member(name, host);
  member.role = MemberRole::Primary;
  return member;
}

inline Member a_standby(const std::string& name, const std::string& host, Lsn position) {
  Member member = a_member(name, host);
  member.replication_state = "streaming";
  member.receive_lsn = position;
  member.replay_lsn = position;
  member.xlog_location = position;
  return member;
}

inline Member tagged(Member member, std::string json) {
  member.tags.published = std::move(json);
  return member;
}

// "orders": db-a leads, members are added by hand.
class AView {
 public:
  AView() { view_.initialize = InitializeKey{.value = "7412345678901234567"}; }
  AView& with(Member member) {
    view_.members[member.name] = std::move(member);
    return *this;
  }
  AView& led_by(const std::string& name) {
    view_.leader = LeaderKey{.name = name};
    return *this;
  }
  AView& at(Lsn optime) {
    view_.status.optime = optime;
    return *this;
  }
  AView& with_settings(Settings settings) {
    view_.config = ConfigKey{.json = "{}", .settings = std::move(settings)};
    return *this;
  }
  ClusterView& view() { return view_; }
  operator ClusterView() const { return view_; }  // NOLINT(google-explicit-constructor)

 private:
  ClusterView view_;
};

}  // namespace pgherd::ctl::test
