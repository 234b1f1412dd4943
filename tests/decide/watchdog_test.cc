#include "scene.h"

namespace pgherd::test {
namespace {

Scene guarded(WatchdogMode mode) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.self.watchdog_mode = mode;
  scene.seen.self.watchdog_margin = Milliseconds(5000);
  return scene;
}
void is_armed(Scene& scene) {
  scene.seen.watchdog =
      WatchdogView{.is_active = true, .timeout = Milliseconds(5000), .problem = {}};
}

TEST(Watchdog, IsArmedByTheLeaderWithTtlLessMargin) {
  Scene scene = guarded(WatchdogMode::Automatic);
  EXPECT_EQ(scene.planned<ActivateWatchdog>(), ActivateWatchdog{.timeout = Milliseconds(5000)});
  scene.seen.self.watchdog_margin = Milliseconds(-1);
  scene.seen.session.renewed_at = scene.later(1s).now;
  EXPECT_EQ(scene.planned<ActivateWatchdog>(), ActivateWatchdog{.timeout = Milliseconds(5000)});
}

TEST(Watchdog, ThatIsNotThereIsLookedForOnceForEachRenewal) {
  Scene scene = guarded(WatchdogMode::Automatic);
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
  scene.seen.watchdog.problem = "no such device";
  EXPECT_FALSE(scene.planned<ActivateWatchdog>());
  EXPECT_FALSE(scene.later(1s).planned<ActivateWatchdog>());
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
  EXPECT_FALSE(scene.planned<ActivateWatchdog>());
}

TEST(Watchdog, ThatDoesNotTakeItsTimeoutIsGivenItOnceForEachRenewal) {
  Scene scene = guarded(WatchdogMode::Automatic);
  is_armed(scene);
  scene.seen.watchdog.timeout = Milliseconds(8000);
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
  EXPECT_FALSE(scene.planned<ActivateWatchdog>());
  scene.seen.session.renewed_at = scene.later(1s).now;
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
}

TEST(Watchdog, ThatCouldNotBeFedIsArmedAnewWithinTheSameRenewal) {
  Scene scene = guarded(WatchdogMode::Automatic);
  is_armed(scene);
  EXPECT_TRUE(scene.planned<FeedWatchdog>());
  scene.seen.watchdog = WatchdogView{.is_active = false, .timeout = {}, .problem = "cannot write"};
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
  EXPECT_FALSE(scene.planned<ActivateWatchdog>());
}

TEST(Watchdog, IsFedOnceForEachConfirmedRenewal) {
  Scene scene = guarded(WatchdogMode::Automatic);
  is_armed(scene);
  EXPECT_TRUE(scene.planned<FeedWatchdog>());
  EXPECT_FALSE(scene.later(1s).planned<FeedWatchdog>());
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<FeedWatchdog>());
}

TEST(Watchdog, IsDisarmedInMaintenanceModeAndOnStandbys) {
  Scene scene = guarded(WatchdogMode::Automatic);
  is_armed(scene);
  scene.seen.settings.paused = true;
  EXPECT_TRUE(scene.planned<DisarmWatchdog>());
  Scene standby("a");
  standby.led_by("b").standby(Lsn{100});
  standby.seen.self.watchdog_mode = WatchdogMode::Automatic;
  is_armed(standby);
  EXPECT_TRUE(standby.planned<DisarmWatchdog>());
}

TEST(Watchdog, ThatCannotBeDisarmedIsAskedAgainInTimeToBeFedAndNoFaster) {
  Scene scene = guarded(WatchdogMode::Automatic);
  is_armed(scene);
  scene.seen.settings.paused = true;
  EXPECT_TRUE(scene.planned<DisarmWatchdog>());
  scene.seen.watchdog.problem = "cannot be disarmed";
  EXPECT_FALSE(scene.planned<DisarmWatchdog>());
  EXPECT_LE(scene.last.wake_at, scene.now + 2500ms);
  EXPECT_TRUE(scene.later(2500ms).planned<DisarmWatchdog>());
  EXPECT_FALSE(scene.planned<DisarmWatchdog>());
}

TEST(Watchdog, IsArmedAtOnceAfterMaintenanceMode) {
  Scene scene = guarded(WatchdogMode::Automatic);
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
  is_armed(scene);
  scene.seen.settings.paused = true;
  EXPECT_TRUE(scene.planned<DisarmWatchdog>());
  scene.seen.watchdog = {};
  scene.seen.settings.paused = false;
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
}

TEST(Watchdog, ThatIsNotToBeUsedAnyMoreIsDisarmedUnderALeader) {
  Scene off = guarded(WatchdogMode::Off);
  is_armed(off);
  EXPECT_TRUE(off.planned<DisarmWatchdog>());
  Scene short_ttl = guarded(WatchdogMode::Automatic);
  is_armed(short_ttl);
  short_ttl.seen.self.watchdog_margin = Milliseconds(9000);
  EXPECT_TRUE(short_ttl.planned<DisarmWatchdog>()) << "armed and never fed again it would reset";
}

TEST(Watchdog, StaysArmedWhileAServerThatMustNotLeadIsStopping) {
  Scene scene("a");
  scene.led_by("b").primary(Lsn{100}).under_way(Demote{.mode = DemoteMode::ImmediateNoLock});
  scene.seen.self.watchdog_mode = WatchdogMode::Automatic;
  is_armed(scene);
  EXPECT_FALSE(scene.planned<DisarmWatchdog>());
}

TEST(Watchdog, ThatIsRequiredAndUnfitKeepsALeaderFromOpening) {
  Scene scene = guarded(WatchdogMode::Required);
  scene.standby(Lsn{100});
  EXPECT_FALSE(scene.planned<ClaimTimeline>());  // it is being armed
  scene.seen.watchdog.problem = "no such device";
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("W4"));
  EXPECT_TRUE(scene.last.watchdog_failed);
}

TEST(Watchdog, ThatIsRequiredIsArmedBeforeAPrimaryIsRestarted) {
  Scene asked = guarded(WatchdogMode::Required);
  asked.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  Scene scheduled = guarded(WatchdogMode::Required);
  scheduled.seen.scheduled_restart = ScheduledRestart{};
  for (Scene* scene : {&asked, &scheduled}) {
    EXPECT_FALSE(scene->planned<Restart>());
    is_armed(*scene);
    EXPECT_TRUE(scene->planned<Restart>());
  }
}

TEST(Watchdog, ThatIsRequiredAndFailsEndsAPrimary) {
  Scene scene = guarded(WatchdogMode::Required);
  scene.seen.watchdog.problem = "no such device";
  EXPECT_EQ(scene.planned<Demote>(), Demote{.mode = DemoteMode::Immediate});
}

TEST(Watchdog, ThatIsRequiredAndUnfitKeepsANodeOutOfElectionsForTtl) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{100}).peer("c", Lsn{100});
  scene.seen.self.watchdog_mode = WatchdogMode::Required;
  scene.seen.watchdog.problem = "the device is busy";
  scene.memory.watchdog.arming_tried_at = scene.now - 9s;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E3"));
  EXPECT_TRUE(scene.last.watchdog_failed);
  scene.memory.watchdog.arming_tried_at = scene.now - 10s;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "it may be free by now";
  EXPECT_FALSE(scene.last.watchdog_failed);
}

TEST(Watchdog, ThatFailedOnceIsTriedAnewByTheNextLeadershipBeforeTheKeyIsGivenBack) {
  Scene scene = guarded(WatchdogMode::Required);
  scene.standby(Lsn{100});
  scene.seen.watchdog.problem = "the device is busy";
  EXPECT_TRUE(scene.planned<ActivateWatchdog>());
  EXPECT_FALSE(scene.planned<ClaimTimeline>());
  scene.memory = {};
  scene.decide();
  scene.under_way(ActivateWatchdog{.timeout = Milliseconds(5000)});
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>());
  scene.seen.under_way.clear();
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("W4"));
}

}  // namespace
}  // namespace pgherd::test
