#include "drill/course.h"

#include <gtest/gtest.h>

namespace pgherd::drill {
namespace {

Instant at(Duration since) {
  return Instant{} + since;
}

Member member(const NodeName& name, MemberRole role, int timeline) {
  Member made;
  made.name = name;
  made.role = role;
  made.state = MemberState::Running;
  made.timeline = Timeline{static_cast<std::uint32_t>(timeline)};
  if (role == MemberRole::Replica) made.replication_state = "streaming";
  return made;
}

// `leader` on `timeline`, all others stream from it.
ClusterView led_by(const NodeName& leader, std::int64_t reign, int timeline) {
  ClusterView view;
  view.leader = LeaderKey{.name = leader,
                          .lease = {},
                          .create_revision = Revision{reign},
                          .mod_revision = Revision{reign}};
  std::map<NodeName, Member> members;
  for (const char* name : {"a", "b", "c"})
    members[name] =
        member(name, name == leader ? MemberRole::Primary : MemberRole::Replica, timeline);
  view.members = std::move(members);
  return view;
}

TEST(Course, GoesFromOneLeaderToTheNext) {
  Course course(led_by("a", 5, 1));
  course.see(led_by("a", 5, 1), at(1s));
  EXPECT_FALSE(course.left());

  ClusterView nobody = led_by("a", 5, 1);
  nobody.leader.reset();
  course.see(nobody, at(2s));
  EXPECT_EQ(course.left(), at(2s));
  EXPECT_FALSE(course.taken());

  ClusterView taken = led_by("b", 9, 1);
  taken.members["b"].role = MemberRole::Replica;
  course.see(taken, at(3s));
  EXPECT_EQ(course.taken(), at(3s));
  EXPECT_EQ(course.new_leader(), "b");
  EXPECT_FALSE(course.promoted());

  ClusterView promoted = led_by("b", 9, 2);
  promoted.members["a"].state = MemberState::Stopped;
  promoted.members["c"].timeline = Timeline{1};
  course.see(promoted, at(4s));
  EXPECT_EQ(course.promoted(), at(4s));
  EXPECT_EQ(course.new_timeline(), Timeline{2});
  EXPECT_FALSE(course.rejoined());

  promoted.members["a"] = member("a", MemberRole::Replica, 2);
  course.see(promoted, at(5s));
  EXPECT_EQ(course.rejoined(), at(5s));
  EXPECT_FALSE(course.whole()) << "c is still on the old timeline";

  course.see(led_by("b", 9, 2), at(6s));
  EXPECT_EQ(course.whole(), at(6s));
  course.see(led_by("b", 9, 2), at(7s));
  EXPECT_EQ(course.whole(), at(6s)) << "when it was first seen";
}

TEST(Course, IsNotWholeWithoutAMemberThatWasThere) {
  Course course(led_by("a", 5, 1));
  ClusterView view = led_by("b", 9, 2);
  view.members.edit().erase("c");
  course.see(view, at(1s));
  EXPECT_TRUE(course.rejoined());
  EXPECT_FALSE(course.whole());
}

TEST(Course, MayComeBackToTheOldLeader) {
  Course course(led_by("a", 5, 1));
  course.see(led_by("a", 9, 2), at(1s));
  EXPECT_TRUE(course.left()) << "another reign";
  EXPECT_TRUE(course.is_led_by_old_leader());
  EXPECT_FALSE(course.whole());
}

TEST(Course, WantsNoStreamOfWhoHasNone) {
  Course course(led_by("a", 5, 1));
  ClusterView view = led_by("b", 9, 2);
  view.members["c"].replication_state = "";
  course.see(view, at(1s));
  EXPECT_FALSE(course.whole());
  view.members["c"].tags.nostream = true;
  course.see(view, at(2s));
  EXPECT_TRUE(course.whole());
}

}  // namespace
}  // namespace pgherd::drill
