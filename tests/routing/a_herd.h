// A cluster as the store has it, said in few words.
#pragma once

#include <string>

#include "model/cluster_view.h"

namespace pgherd::test {

struct AHerd {
  ClusterView view;

  AHerd& leader(const std::string& name, std::int64_t reign = 10) {
    view.leader = LeaderKey{.name = name, .create_revision = Revision{reign}};
    return *this;
  }
  AHerd& nobody_leads() {
    view.leader.reset();
    return *this;
  }
  Member& member(const std::string& name, MemberRole role = MemberRole::Replica,
                 MemberState state = MemberState::Running) {
    Member& made = view.members[name];
    made.name = name;
    made.conn_url = "postgres://" + name + ":5432/postgres";
    made.role = role;
    made.state = state;
    made.timeline = Timeline{1};
    return made;
  }
  // A standby that has replayed up to there.
  Member& standby(const std::string& name, std::uint64_t replayed = 1000) {
    Member& made = member(name);
    made.replay_lsn = Lsn{replayed};
    made.replication_state = "streaming";
    return made;
  }
  AHerd& primary_is_at(std::uint64_t bytes) {
    view.status.optime = Lsn{bytes};
    return *this;
  }
};

// "a" leads and is the primary, "b" and "c" follow.
inline AHerd a_herd() {
  AHerd herd;
  herd.leader("a").primary_is_at(1000);
  herd.member("a", MemberRole::Primary);
  herd.standby("b");
  herd.standby("c");
  return herd;
}

inline constexpr WallTime kWallNow{};
inline constexpr Instant kNow = Instant::from_nanoseconds(1'000'000'000'000);

}  // namespace pgherd::test
