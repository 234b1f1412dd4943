#include "scene.h"

namespace pgherd::test {
namespace {

UpstreamView pointing_at_b() {
  return {.host = "10.0.0.2", .port = "5432", .slot = "a"};
}

TEST(Follow, PointsAtTheLeader) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  const auto follow = scene.planned<Follow>();
  ASSERT_TRUE(follow);
  EXPECT_EQ(follow->upstream,
            (Upstream{.name = "b", .host = "10.0.0.2", .port = "5432", .slot = "a"}));
}

TEST(Follow, DoesNothingWhenItAlreadyDoes) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.upstream = pointing_at_b();
  scene.seen.instance.is_streaming = true;
  EXPECT_FALSE(scene.planned<Follow>());
  EXPECT_EQ(scene.last.summary, "no action. I am (a), a secondary, and following a leader (b)");
}

TEST(Follow, MakesAFormerLeaderAStandbyLikeAnyOther) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.memory.election.lead_again_at = scene.now + 30s;
  scene.memory.election.lead_alone_at = scene.now + 2s;
  scene.seen.instance.upstream = pointing_at_b();
  scene.decide();
  EXPECT_EQ(scene.memory.election.lead_again_at, scene.now + 30s) << "it does not stream yet";
  scene.seen.instance.is_streaming = true;
  scene.decide();
  EXPECT_EQ(scene.memory.election.lead_again_at, Instant{});
  EXPECT_EQ(scene.memory.election.lead_alone_at, Instant{});
}

TEST(Follow, PointsAtNobodyWithNostream) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.upstream = pointing_at_b();
  scene.seen.self.tags.nostream = true;
  const auto follow = scene.planned<Follow>();
  ASSERT_TRUE(follow);
  EXPECT_EQ(follow->upstream, Upstream{});
  scene.seen.instance.upstream = {};
  EXPECT_FALSE(scene.planned<Follow>());
}

TEST(Follow, CascadesFromTheMemberNamedInItsTag) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.self.tags.replicatefrom = "c";
  EXPECT_EQ(scene.planned<Follow>()->upstream.name, "c");
  scene.cluster().members.erase("c");
  EXPECT_EQ(scene.planned<Follow>()->upstream.name, "b") << "falls back to the leader";
}

TEST(Follow, ComparesHistoriesWhenItCannotStream) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.upstream = pointing_at_b();
  EXPECT_FALSE(scene.planned<ExamineDivergence>());
  scene.later(2s);
  EXPECT_TRUE(scene.planned<ExamineDivergence>());
}

TEST(Follow, StopsToBeRewoundWhenItHasLeftTheLeadersHistory) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.upstream = pointing_at_b();
  scene.decide();
  scene.later(2s);
  scene.seen.divergence = DivergenceSeen{.source = "b",
                                         .source_timeline = {},
                                         .verdict = Divergence::Diverged,
                                         .detail = "it was ahead",
                                         .seen_at = scene.now};
  EXPECT_EQ(scene.planned<Stop>(), Stop{.mode = StopMode::Fast});
}

TEST(Follow, InPausePointsAtTheLeaderButBeginsNoRepair) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.settings.paused = true;
  EXPECT_TRUE(scene.planned<Follow>());
  scene.seen.instance.upstream = {.host = "10.0.0.2", .port = "5432", .slot = "a"};
  scene.decide();
  EXPECT_FALSE(scene.later(10s).planned<ExamineDivergence>());
}

}  // namespace
}  // namespace pgherd::test
