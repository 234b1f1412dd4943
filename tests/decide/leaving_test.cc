#include "scene.h"

namespace pgherd::test {
namespace {

TEST(Leaving, AsLeaderHandsOver) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.is_leaving = true;
  EXPECT_EQ(scene.planned<Demote>(), Demote{.mode = DemoteMode::Graceful});
}

TEST(Leaving, AsStandbyStopsFast) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.is_leaving = true;
  EXPECT_EQ(scene.planned<Stop>(), Stop{.mode = StopMode::Fast});
}

TEST(Leaving, EndsALongActFirst) {
  Scene scene("a");
  scene.led_by("b").under_way(CloneFrom{});
  scene.seen.is_leaving = true;
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
}

TEST(Leaving, RevokesTheLeaseAndThenEnds) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::ShutDownInRecovery);
  scene.seen.is_leaving = true;
  EXPECT_EQ(scene.planned<RevokeLease>(), RevokeLease{.lease = kLease});
  EXPECT_FALSE(scene.planned<StartStandby>());
  scene.seen.session.lease = {};
  EXPECT_EQ(scene.planned<Exit>()->exit_code, 0);
}

TEST(Leaving, DoesNotWaitForASilentStoreForEver) {
  Scene scene("a");
  scene.down(ControlState::ShutDownInRecovery);
  scene.seen.is_leaving = true;
  scene.seen.store.is_reachable = false;
  EXPECT_TRUE(scene.planned<Exit>());
}

TEST(Leaving, DoesNotWaitForEverForAStoreThatDoesNotTakeTheKeyBack) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.is_leaving = true;
  ASSERT_TRUE(scene.planned<Demote>());
  scene.down(ControlState::ShutDown);
  scene.seen.store.is_reachable = false;
  scene.decide();
  scene.later(1s);
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  scene.later(2900ms);
  EXPECT_FALSE(scene.planned<Exit>());
  EXPECT_FALSE(scene.last.wake_at > scene.now + 100ms);
  scene.later(100ms);
  EXPECT_TRUE(scene.planned<Exit>()) << "the key ends with its lease";
}

TEST(Leaving, DoesNotWaitForAStoreThatDoesNotRevokeForEver) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::ShutDownInRecovery);
  scene.seen.is_leaving = true;
  EXPECT_TRUE(scene.planned<RevokeLease>());
  EXPECT_FALSE(scene.last.wake_at > scene.now + 3s);
  scene.later(2900ms);
  EXPECT_FALSE(scene.planned<Exit>());
  scene.later(100ms);
  EXPECT_TRUE(scene.planned<Exit>()) << "its keys end with their lease";
}

TEST(Leaving, InMaintenanceModeLeavesPostgresRunning) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.paused = true;
  scene.seen.is_leaving = true;
  EXPECT_TRUE(scene.planned<Exit>());
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_FALSE(scene.planned<Stop>());
}

TEST(Leaving, InMaintenanceModeLeavesNoClusterBehindThatTheStoreDoesNotKnow) {
  Scene scene("a");
  scene.primary(Lsn{100});
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {90}, .lease = kLease};
  scene.memory.bootstrap_is_unconfirmed = true;
  scene.seen.settings.paused = true;
  scene.seen.is_leaving = true;
  EXPECT_FALSE(scene.planned<Exit>());
  EXPECT_TRUE(scene.planned<Stop>());
}

TEST(Leaving, InMaintenanceModeEndsTheMakingOfAClusterFirst) {
  Scene scene("a");
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {90}, .lease = kLease};
  scene.under_way(Bootstrap{});
  scene.seen.settings.paused = true;
  scene.seen.is_leaving = true;
  EXPECT_FALSE(scene.planned<Exit>());
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
}

}  // namespace
}  // namespace pgherd::test
