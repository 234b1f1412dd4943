#include "model/cluster_view.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

TEST(NewestTimeline, IsUnknownWithoutAHistoryAndOneWithAnEmptyOne) {
  ClusterView view;
  EXPECT_FALSE(view.newest_timeline().is_known());
  view.history.emplace();
  EXPECT_EQ(view.newest_timeline(), Timeline{1});
}

TEST(NewestTimeline, FollowsTheLastParent) {
  ClusterView view;
  view.history = {HistoryRow{.parent = Timeline{1}}, HistoryRow{.parent = Timeline{6}}};
  EXPECT_EQ(view.newest_timeline(), Timeline{7});
}

TEST(ClusterView, HasNoLeaderWhileTheKeyNamesNobody) {
  ClusterView view;
  EXPECT_FALSE(view.has_leader());
  EXPECT_EQ(view.leader_member(), nullptr);
  view.leader = LeaderKey{};
  EXPECT_FALSE(view.has_leader());
  EXPECT_FALSE(view.is_led_by(""));
}

TEST(ClusterView, KnowsItsLeaderWithAndWithoutAMemberKey) {
  ClusterView view;
  view.leader = LeaderKey{.name = "a"};
  EXPECT_TRUE(view.is_led_by("a"));
  EXPECT_FALSE(view.is_led_by("A"));
  EXPECT_EQ(view.leader_member(), nullptr);
  view.members["a"].name = "a";
  ASSERT_NE(view.leader_member(), nullptr);
  EXPECT_EQ(view.leader_member()->name, "a");
  EXPECT_EQ(view.member("b"), nullptr);
}

TEST(InitializeKey, TellsBootstrapFromASystemIdentifierFromRubbish) {
  EXPECT_TRUE(InitializeKey{}.is_in_progress());
  EXPECT_FALSE(InitializeKey{}.is_valid());
  EXPECT_TRUE(InitializeKey{.value = "7391442209411208193"}.is_valid());
  EXPECT_TRUE(InitializeKey{.value = "1234567890"}.is_valid());
  EXPECT_FALSE(InitializeKey{.value = "123456789"}.is_valid());
  EXPECT_FALSE(InitializeKey{.value = "7391442209411208x93"}.is_valid());
  EXPECT_FALSE(InitializeKey{.value = "-391442209411208193"}.is_valid());
}

}  // namespace
}  // namespace pgherd
