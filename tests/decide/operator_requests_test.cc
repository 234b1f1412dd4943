// What operators ask of one member: a scheduled restart, a fresh copy.
#include "scene.h"

namespace pgherd::test {
namespace {

Scene with_restart_in(Duration ahead) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.postmaster_start_time = "yesterday";
  scene.seen.instance.server_version = 170004;
  scene.seen.wall_now = WallTime{100'000'000};
  ScheduledRestart request;
  request.at = WallTime{100'000'000 + ahead / std::chrono::microseconds(1)};
  request.postmaster_start_time = "yesterday";
  request.published = R"({"schedule":"soon"})";
  scene.seen.scheduled_restart = request;
  return scene;
}

TEST(ScheduledRestart, WaitsForItsTimeAndIsShown) {
  Scene scene = with_restart_in(1s);
  EXPECT_FALSE(scene.planned<Restart>());
  EXPECT_EQ(scene.last.wake_at, scene.now + 1s);
  EXPECT_EQ(scene.last.own_member.scheduled_restart, R"({"schedule":"soon"})");
  scene.seen.wall_now = scene.seen.scheduled_restart->at;
  EXPECT_TRUE(scene.planned<Restart>());
  EXPECT_TRUE(scene.planned<DropScheduledRestart>());
}

TEST(ScheduledRestart, IsDroppedWhenItsConditionsAreNotMet) {
  for (const auto& change :
       {+[](Scene& scene) { scene.seen.scheduled_restart->role = MemberRole::Primary; },
        +[](Scene& scene) { scene.seen.scheduled_restart->below_version = 170004; },
        +[](Scene& scene) { scene.seen.scheduled_restart->only_if_pending = true; },
        +[](Scene& scene) { scene.seen.wall_now.microseconds += 60'000'000; },
        +[](Scene& scene) { scene.seen.instance.postmaster_start_time = "now"; }}) {
    Scene scene = with_restart_in(0s);
    change(scene);
    EXPECT_FALSE(scene.planned<Restart>());
    EXPECT_TRUE(scene.planned<DropScheduledRestart>());
  }
}

TEST(ScheduledRestart, IsServedWhenItsConditionsAreMet) {
  Scene scene = with_restart_in(0s);
  scene.seen.scheduled_restart->role = MemberRole::Replica;
  scene.seen.scheduled_restart->below_version = 170005;
  scene.seen.scheduled_restart->only_if_pending = true;
  scene.seen.scheduled_restart->timeout = Milliseconds(7000);
  scene.seen.instance.pending_restart["max_connections"] = {.old_value = "100", .new_value = "200"};
  const auto restart = scene.planned<Restart>();
  ASSERT_TRUE(restart);
  EXPECT_EQ(restart->timeout, Milliseconds(7000));
}

TEST(ScheduledRestart, OfAPrimaryIsHeldToTheLease) {
  Scene scene = with_restart_in(0s);
  scene.led_by("a").primary(Lsn{100});
  const auto restart = scene.planned<Restart>();
  ASSERT_TRUE(restart);
  EXPECT_TRUE(restart->is_primary);
  EXPECT_EQ(restart->lease_valid_until,
            scene.now + lease_margins(scene.seen.settings).demote_after);
  Scene unconfirmed = with_restart_in(0s);
  unconfirmed.led_by("a").primary(Lsn{100}).seen.session.leads = false;
  EXPECT_FALSE(unconfirmed.planned<Restart>()) << "it might come up when the lease has ended";
  EXPECT_FALSE(unconfirmed.planned<DropScheduledRestart>());
}

TEST(ScheduledRestart, RestsInMaintenanceMode) {
  Scene scene = with_restart_in(0s);
  scene.seen.settings.paused = true;
  EXPECT_FALSE(scene.planned<Restart>());
  EXPECT_FALSE(scene.planned<DropScheduledRestart>());
}

Scene to_reinitialize() {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.reinitialize_request =
      ReinitializeRequest{.from_leader = false, .force = false, .asked_at = scene.now};
  return scene;
}

TEST(Reinitialize, ThrowsNothingAwayBeforeTheLeaderAnswersAsAPrimary) {
  Scene scene = to_reinitialize();
  EXPECT_TRUE(scene.planned<ProbePeers>());
  EXPECT_FALSE(scene.planned<Stop>());
  scene.silent_peer("b");
  EXPECT_FALSE(scene.planned<Stop>());
  scene.peer("b", Lsn{0}, false);
  EXPECT_EQ(scene.planned<Stop>(), Stop{.mode = StopMode::Immediate});
}

TEST(Reinitialize, RemovesAndCopies) {
  Scene scene = to_reinitialize();
  scene.peer("b", Lsn{0}, false).down(ControlState::InArchiveRecovery);
  EXPECT_TRUE(scene.planned<RemoveDataDirectory>());
  scene.seen.instance.data_directory = DataDirectory::Missing;
  scene.seen.instance.control.reset();
  scene.cluster().members["c"].tags.clonefrom = true;
  EXPECT_EQ(scene.planned<CloneFrom>()->source.name, "c");
  scene.seen.reinitialize_request->from_leader = true;
  EXPECT_EQ(scene.planned<CloneFrom>()->source.name, "b");
}

TEST(Reinitialize, IsGivenUpByWhoLeadsMeanwhileOrHasNobodyToCopyFrom) {
  Scene leader = to_reinitialize();
  leader.led_by("a");
  EXPECT_TRUE(leader.planned<DropReinitialize>());
  Scene alone = to_reinitialize();
  alone.cluster().leader.reset();
  alone.unlocked();
  EXPECT_TRUE(alone.planned<DropReinitialize>());
  EXPECT_FALSE(alone.planned<RemoveDataDirectory>());
}

TEST(Reinitialize, ByForceEndsWhatIsUnderWay) {
  Scene scene = to_reinitialize();
  scene.under_way(Rewind{});
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.seen.reinitialize_request->force = true;
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
}

TEST(Reinitialize, ByForceLeavesAloneWhatServesReadsWithoutTheStore) {
  Scene scene = to_reinitialize();
  scene.seen.reinitialize_request->force = true;
  scene.under_way(StartStandby{});
  scene.seen.store.is_reachable = false;
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
}

TEST(Reinitialize, IsDoneInMaintenanceModeToo) {
  Scene scene = to_reinitialize();
  scene.peer("b", Lsn{0}, false);
  scene.seen.settings.paused = true;
  EXPECT_TRUE(scene.planned<Stop>());
}

}  // namespace
}  // namespace pgherd::test
