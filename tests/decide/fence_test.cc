#include "scene.h"

namespace pgherd::test {
namespace {

using Kind = FenceOrder::Kind;

FenceOrder ordered(Scene& scene) {
  scene.decide();
  return scene.last.fence;
}

TEST(Fence, IsArmedBeforeThePromotionBegins) {
  Scene scene("a");
  scene.led_by("a").standby(Lsn{100});
  scene.cluster().claim = TimelineClaim{.timeline = Timeline{2}, .by = "a", .mod_revision = {60}};
  ASSERT_TRUE(scene.planned<Promote>());
  EXPECT_EQ(scene.last.fence.kind, Kind::Armed);
  EXPECT_EQ(scene.last.fence.rule, "G2");
  EXPECT_EQ(scene.last.fence.postmaster_pid, 0);
  EXPECT_GT(scene.last.fence.at, at(7500ms)) << "the agent stops PostgreSQL first";
  EXPECT_LT(scene.last.fence.at, at(10s)) << "before the lease can end";
}

TEST(Fence, MovesOnWithEachRenewalAndStaysWithoutOne) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  const FenceOrder first = ordered(scene);
  scene.later(2s);
  EXPECT_EQ(ordered(scene), first);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_EQ(ordered(scene).at, first.at + 2s);
}

TEST(Fence, StandsWhenLeadershipIsLostUntilPostgresIsClosed) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  const FenceOrder first = ordered(scene);
  scene.seen.session.leads = false;
  scene.led_by("b");
  EXPECT_EQ(ordered(scene), first);
  scene.down(ControlState::ShutDown);
  EXPECT_EQ(ordered(scene).kind, Kind::Disarmed);
  EXPECT_EQ(scene.last.fence.rule, "G4");
}

TEST(Fence, HoldsALongShutdownToThePresentLease) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  const FenceOrder first = ordered(scene);
  scene.seen.instance.process = ProcessState::Stopping;
  scene.seen.instance.in_recovery.reset();
  EXPECT_EQ(ordered(scene), first);
  scene.later(3s);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_EQ(ordered(scene).at, first.at + 3s);
  EXPECT_EQ(scene.last.fence.rule, "G5");
}

TEST(Fence, CanOnlyBecomeEarlierByABindingThatNobodyHasAnswered) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.session.leads = false;
  scene.seen.session.unanswered_binding = scene.seen.session.lease;
  EXPECT_TRUE(ordered(scene).earlier_stands);
  EXPECT_EQ(scene.last.fence.rule, "G3");
}

TEST(Fence, IsNotToldBeforeAnythingIsKnown) {
  Scene scene("a");
  scene.seen.instance.process = ProcessState::Unknown;
  EXPECT_EQ(ordered(scene).kind, Kind::NotTold) << "what an earlier agent has ordered stands";
}

TEST(Fence, IsOffInMaintenanceMode) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.decide();
  scene.seen.settings.paused = true;
  EXPECT_EQ(ordered(scene).kind, Kind::Disarmed);
}

}  // namespace
}  // namespace pgherd::test
