#include "scene.h"

namespace pgherd::test {
namespace {

Scene paused(NodeName me = "a") {
  Scene scene(std::move(me));
  scene.seen.settings.paused = true;
  scene.memory.pause.was_on = true;
  return scene;
}

FailoverRequest request(std::optional<NodeName> leader, std::optional<NodeName> candidate) {
  return {.leader = std::move(leader),
          .candidate = std::move(candidate),
          .scheduled_at = {},
          .schedule_is_unreadable = false,
          .mod_revision = {60}};
}

void hears_the_store_again(Scene& scene) {
  scene.decide();
  scene.later(100ms);
  scene.seen.store.confirmed_at = scene.now;
}

TEST(Pause, KeepsAPrimaryWhoseLeaseCannotBeRenewed) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100}).later(60s);
  scene.seen.store.is_reachable = false;
  EXPECT_FALSE(scene.planned<Demote>());
}

TEST(Pause, KeepsAPrimaryBesideAnotherLeader) {
  Scene scene = paused();
  scene.led_by("b").primary(Lsn{100});
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.gives_reason("M7"));
}

// Of a server that outlives its lease until its agent has heard that the mode is over.
Scene after_maintenance() {
  Scene scene("a");
  scene.unlocked().standby(Lsn{1000});
  scene.memory.pause.was_on = true;
  scene.silent_peer("b").peer("c", Lsn{900});
  scene.decide();
  return scene;
}

TEST(Pause, WhenItIsOverWhoLedIsAskedBeforeItIsReplaced) {
  Scene scene = after_maintenance();
  scene.later(100ms).silent_peer("b").peer("c", Lsn{900});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E19"));
  scene.later(100ms).peer("b", Lsn{1000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "it is a standby";
}

TEST(Pause, WhenItIsOverWhatWasHeardInItDoesNotCount) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{1000}).peer("b", Lsn{1000}).peer("c", Lsn{900});
  scene.memory.pause.was_on = true;
  scene.later(100ms);
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.peer("b", Lsn{1000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Pause, WhenItIsOverWhoLedIsNotWaitedForWithoutEnd) {
  Scene scene = after_maintenance();
  scene.later(scene.seen.settings.ttl).silent_peer("b").peer("c", Lsn{900});
  scene.seen.session.renewed_at = scene.seen.store.confirmed_at = scene.now;
  scene.seen.instance.seen_at = scene.now;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Pause, WhenItIsOverWhoIsNamedByAnOperatorLeads) {
  Scene scene = after_maintenance();
  scene.cluster().failover = request(std::nullopt, "a");
  scene.later(100ms).silent_peer("b").peer("c", Lsn{900});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Pause, OpensNobodyBesideAnotherLeader) {
  Scene scene = paused();
  scene.led_by("b").standby(Lsn{100}).under_way(Promote{});
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
}

TEST(Pause, ARunningPrimaryTakesTheKeyThatNobodyHas) {
  Scene scene = paused();
  scene.unlocked().primary(Lsn{100}).peer("b", Lsn{900}).peer("c", Lsn{900});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Pause, AnOldPrimaryDoesNotTakeTheKey) {
  Scene scene = paused();
  scene.unlocked().primary(Lsn{100}).peer("b", Lsn{0}, false).peer("c", Lsn{100});
  scene.seen.peers["b"].timeline = Timeline{2};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.seen.peers["b"].in_recovery = true;
  scene.cluster().history = std::vector<HistoryRow>{{.parent = Timeline{4}}};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("M4"));
}

TEST(Pause, PromotesNobodyWhenTheLeaderIsGone) {
  Scene scene = paused();
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{100}).peer("c", Lsn{100});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
}

TEST(Pause, PromotesTheNamedCandidate) {
  Scene scene = paused();
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{200}).peer("c", Lsn{100});
  scene.cluster().failover = request("b", "a");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.led_by("a");
  scene.memory.election.unlocked_since.reset();
  EXPECT_TRUE(scene.planned<ClaimTimeline>());
  EXPECT_FALSE(scene.planned<ClearFailoverRequest>());  // it is still the leave to promote
  scene.primary(Lsn{100}, Timeline{2});
  EXPECT_TRUE(scene.planned<ClearFailoverRequest>());
}

// No lease closes it again, and no watchdog is armed: maintenance mode may be over, unheard.
TEST(Pause, PromotesTheNamedCandidateWhenTheStoreIsHeardOnceMore) {
  Scene scene = paused();
  scene.standby(Lsn{100}).led_by("a");
  scene.cluster().failover = request("b", "a");
  scene.cluster().claim =
      TimelineClaim{.timeline = Timeline{2}, .by = "a", .mod_revision = Revision{62}};
  EXPECT_FALSE(scene.planned<Promote>());
  EXPECT_TRUE(scene.last.awaits_store);
  hears_the_store_again(scene);
  EXPECT_TRUE(scene.planned<Promote>());
  EXPECT_TRUE(scene.gives_reason("K2"));
}

TEST(Pause, PromotesNoCandidateBesideAPrimary) {
  Scene scene = paused();
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{0}, false).peer("c", Lsn{100});
  scene.cluster().failover = request({}, "a");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E8"));
}

TEST(Pause, AHolderThatIsNoPrimaryGivesTheKeyBack) {
  Scene scene = paused();
  scene.led_by("a").standby(Lsn{100});
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("M5"));
}

TEST(Pause, StartsNothingThatAnOperatorStopped) {
  Scene scene = paused();
  scene.led_by("a").down(ControlState::ShutDown);
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_FALSE(scene.planned<StartPrimary>());
  scene.led_by("b").down(ControlState::ShutDownInRecovery);
  EXPECT_FALSE(scene.planned<StartStandby>());
}

TEST(Pause, OpensAPrimaryForWhoAsksOnlyWhenTheStoreHasSaidOnceMoreThatNobodyLeads) {
  Scene scene = paused();
  scene.unlocked().down(ControlState::ShutDown);
  scene.later(60s);  // the machine was suspended
  scene.seen.session.renewed_at = scene.now;
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  EXPECT_FALSE(scene.planned<StartPrimary>());
  EXPECT_TRUE(scene.last.awaits_store);
  EXPECT_FALSE(scene.later(100ms).planned<StartPrimary>());
  hears_the_store_again(scene);
  EXPECT_TRUE(scene.planned<StartPrimary>());
  // Another request, later.
  scene.seen.restart_request.reset();
  scene.decide();
  scene.later(60s).seen.restart_request = RestartRequest{.id = 2, .timeout = {}};
  EXPECT_FALSE(scene.planned<StartPrimary>());
}

TEST(Pause, StartsAStoppedServerForWhoAsksForARestartAsWhatItWas) {
  Scene primary = paused();
  primary.unlocked().down(ControlState::ShutDown);
  primary.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  hears_the_store_again(primary);
  EXPECT_EQ(primary.planned<StartPrimary>(), StartPrimary{.lease_valid_until = Instant::never()});
  EXPECT_TRUE(primary.gives_reason("U6"));
  Scene replaced = primary;
  replaced.led_by("b");
  EXPECT_FALSE(replaced.planned<StartPrimary>()) << "somebody else leads";
  Scene left = primary;
  left.cluster().history = {{HistoryRow{
      .parent = {1}, .switched_at = {90}, .reason = {}, .timestamp = {}, .new_leader = "b"}}};
  EXPECT_FALSE(left.planned<StartPrimary>()) << "its history may have been left";
  Scene standby = paused();
  standby.led_by("b").down(ControlState::ShutDownInRecovery);
  standby.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  const auto start = standby.planned<StartStandby>();
  ASSERT_TRUE(start);
  EXPECT_EQ(start->upstream.name, "b");
}

// The lease does not close it again: it may have ended, and maintenance mode with it, unheard.
TEST(Pause, OpensWhatItStoppedItselfWhenTheStoreIsHeardOnceMore) {
  Scene scene = paused();
  scene.led_by("a").down(ControlState::ShutDown);
  scene.memory.acts.comes_back = true;
  EXPECT_FALSE(scene.planned<StartPrimary>());
  EXPECT_TRUE(scene.last.awaits_store);
  hears_the_store_again(scene);
  EXPECT_TRUE(scene.planned<StartPrimary>());
  EXPECT_TRUE(scene.gives_reason("R1"));
}

TEST(Pause, WhatTheStoreSaidBetweenTwoAttemptsIsNotEnough) {
  Scene scene = paused();
  scene.led_by("a").down(ControlState::ShutDown);
  scene.memory.acts.comes_back = true;
  hears_the_store_again(scene);
  EXPECT_TRUE(scene.planned<StartPrimary>());
  scene.under_way(StartPrimary{}).decide();
  scene.seen.under_way.clear();
  EXPECT_FALSE(scene.later(1s).planned<StartPrimary>());
}

TEST(Pause, EndsWhatItHasBegun) {
  Scene scene = paused();
  scene.led_by("b").down(ControlState::ShutDownInRecovery);
  scene.seen.last_act = ActEnded{.step = Restart{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "no space left",
                                 .ended_at = scene.now};
  EXPECT_FALSE(scene.planned<StartStandby>());  // it has just failed
  EXPECT_TRUE(scene.later(2s).planned<StartStandby>());
}

TEST(Pause, SwitchesOverToACandidateOnly) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100}).peer("b", Lsn{100});
  scene.cluster().failover = request("a", {});
  EXPECT_TRUE(scene.planned<ClearFailoverRequest>());
  EXPECT_FALSE(scene.planned<Demote>());
  scene.cluster().failover = request("a", "b");
  EXPECT_EQ(scene.planned<Demote>(), Demote{.mode = DemoteMode::Graceful});
}

TEST(Pause, LetsScheduledRequestsRest) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100}).peer("b", Lsn{100});
  scene.cluster().failover = request("a", "b");
  scene.cluster().failover->scheduled_at = WallTime{1};
  scene.seen.wall_now = WallTime{1};
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_FALSE(scene.planned<ClearFailoverRequest>());
}

TEST(Pause, PointsOutForeignDataAndDoesNotEnd) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100});
  scene.cluster().initialize->value = "7000000000000000009";
  EXPECT_FALSE(scene.planned<Exit>());
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("M6"));
}

TEST(Pause, RestartsAsAskedEvenWithoutALease) {
  Scene scene = paused();
  scene.led_by("b").primary(Lsn{100});
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  EXPECT_EQ(scene.planned<Restart>()->lease_valid_until, Instant::never());
}

TEST(Pause, DropsNoSlots) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100});
  scene.memory.slots.members_seen["gone"] = scene.now - 3600s;
  scene.seen.instance.slots.push_back(SlotView{.name = "gone"});
  const auto kept = scene.planned<KeepSlots>();
  EXPECT_TRUE(kept && kept->drop.empty());
}

TEST(Resume, GivesTheFirstRenewalItsTime) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100}).later(60s);
  scene.seen.settings.paused = false;
  scene.seen.instance.seen_at = scene.now;
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.later(8s).planned<Demote>());
}

TEST(Resume, ALeaseThatIsStillGoodBindsAsEver) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100}).later(4s);
  scene.seen.settings.paused = false;
  scene.seen.instance.seen_at = scene.now;
  EXPECT_FALSE(scene.planned<Demote>());
  const LeaseMargins margins = lease_margins(scene.seen.settings);
  EXPECT_EQ(scene.memory.fence.at, scene.seen.session.renewed_at + margins.fence_after);
  EXPECT_TRUE(scene.later(4s).planned<Demote>());
}

TEST(Resume, ALeaseThatIsStillGoodBindsAPrimaryThatNothingConfirms) {
  Scene scene = paused();
  scene.led_by("a").primary(Lsn{100}).later(4s);
  scene.seen.session.leads = false;
  scene.seen.store.is_reachable = false;
  scene.seen.settings.paused = false;
  scene.seen.instance.seen_at = scene.now;
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.later(4s).planned<Demote>());
}

TEST(Resume, EndsTheSecondPrimary) {
  Scene scene = paused();
  scene.led_by("b").primary(Lsn{100});
  scene.seen.settings.paused = false;
  EXPECT_TRUE(scene.planned<Demote>());
}

TEST(Resume, ForgetsWhatFailed) {
  Scene scene = paused();
  scene.led_by("b").down(ControlState::ShutDownInRecovery);
  scene.memory.acts.failed = 5;
  scene.memory.acts.retry_at = scene.now + 30s;
  scene.seen.settings.paused = false;
  EXPECT_TRUE(scene.planned<StartStandby>());
}

}  // namespace
}  // namespace pgherd::test
