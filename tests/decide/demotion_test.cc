#include <algorithm>

#include "scene.h"

namespace pgherd::test {
namespace {

const Demote kAtOnce{.mode = DemoteMode::ImmediateNoLock};

TEST(Demotion, StopsAPrimaryBeforeItsLeaseCanHaveRunOut) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.store.is_reachable = false;
  const LeaseMargins margins = lease_margins(scene.seen.settings);
  ASSERT_LT(margins.demote_after, 10s);
  scene.later(margins.demote_after - 1ms);
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_LE(scene.last.wake_at, at(margins.demote_after)) << "it must wake up in time";
  scene.later(1ms);
  EXPECT_EQ(scene.planned<Demote>(), Demote{.mode = DemoteMode::Offline});
  EXPECT_TRUE(scene.gives_reason("D1"));
  EXPECT_FALSE(scene.last.is_leader);
}

TEST(Demotion, HurriesAShutdownInSynchronousModeAfterPrimaryStopTimeout) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).under_way(Demote{.mode = DemoteMode::Graceful});
  scene.seen.settings.primary_stop_timeout = Milliseconds(3000);
  scene.later(3s);
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.seen.settings.synchronous_mode = SynchronousMode::On;
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
  EXPECT_TRUE(scene.gives_reason("D9"));
  scene.seen.instance.process = ProcessState::Stopping;
  scene.seen.instance.in_recovery.reset();
  scene.later(1ms);
  EXPECT_TRUE(scene.planned<CancelInstanceAct>()) << "a shutdown that hangs is not open any more";
}

TEST(Demotion, WaitsForNoReceiptOfAShutdownThatWasHurried) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).under_way(Demote{.mode = DemoteMode::Graceful});
  scene.seen.settings.primary_stop_timeout = Milliseconds(3000);
  scene.seen.settings.synchronous_mode = SynchronousMode::On;
  scene.cluster().sync = SyncKey{.leader = "a", .standbys = {"b"}, .mod_revision = {70}};
  scene.memory.stepping_down.state = SteppingDown::WhenReceived;
  scene.later(3s);
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
  scene.seen.under_way.clear();
  scene.down(ControlState::InProduction);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>()) << "b has all that was acknowledged";
}

TEST(Demotion, CountsFromAShorterLeaseThatIsStillHeld) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.ttl = 60s;  // was raised; the lease is still the one of 10 s
  scene.later(9500ms);
  EXPECT_EQ(scene.planned<Demote>(), kAtOnce);
}

TEST(Demotion, FollowsAtOnceWhenSomebodyElseLeads) {
  Scene scene("a");
  scene.led_by("b").primary(Lsn{100});
  EXPECT_EQ(scene.planned<Demote>(), kAtOnce);
  EXPECT_TRUE(scene.gives_reason("D3"));
}

TEST(Demotion, LeavesARunningPrimaryAloneWhileTheStoreIsSilentAndTheLeaseLasts) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).later(5s);
  scene.seen.store.is_reachable = false;
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.last.is_leader);
}

TEST(Demotion, ComesForAnAdoptedPrimaryThatNobodyConfirms) {
  Scene scene("a");
  scene.primary(Lsn{100});
  scene.seen.store.is_reachable = false;
  scene.seen.session = {};
  EXPECT_FALSE(scene.planned<Demote>());
  scene.later(10s);
  EXPECT_EQ(scene.planned<Demote>(), kAtOnce);
}

TEST(Demotion, EndsAPromotionUnderWayWhenTheKeyIsLost) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100}).under_way(Promote{});
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
}

TEST(Demotion, EndsAPromotionUnderWayWhenNobodyHasTheKeyAnyMore) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100}).under_way(Promote{});
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
  EXPECT_TRUE(scene.gives_reason("D5"));
}

TEST(Demotion, OfAStalePrimaryThatWakesUpAfterAnotherReign) {
  Scene scene("a");
  scene.primary(Lsn{100}, Timeline{1}).unlocked();
  scene.cluster().history = {{HistoryRow{
      .parent = {1}, .switched_at = {90}, .reason = {}, .timestamp = {}, .new_leader = "b"}}};
  EXPECT_EQ(scene.planned<Demote>(), kAtOnce);
  EXPECT_TRUE(scene.gives_reason("D4"));
}

TEST(Demotion, IsNotCausedByAPictureOlderThanTheConfirmation) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.session.leader_revision = Revision{kPicture.value + 1};
  scene.cluster().leader->name = "b";  // yesterday's news
  EXPECT_FALSE(scene.planned<Demote>());
}

TEST(SteppingDown, ReleasesTheKeyWhenAStandbyHasTheLastRecord) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.seen.instance.control->checkpoint = Lsn{1000};
  scene.memory.stepping_down.state = SteppingDown::WhenReceived;
  scene.memory.election.last_known_members = scene.cluster().members;
  scene.peer("b", Lsn{1000});
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>()) << "only up to the beginning of the record";
  EXPECT_TRUE(scene.later(60ms).planned<ProbePeers>());
  scene.peer("b", Lsn{1001});
  const auto release = scene.planned<ReleaseLeaderKey>();
  ASSERT_TRUE(release);
  EXPECT_EQ(release->status.optime, Lsn{1000});
}

TEST(SteppingDown, GivesTheOthersASecondToHaveTheLastRecordToo) {
  const auto begun = [] {
    Scene scene("a");
    scene.led_by("a").down(ControlState::ShutDown).under_way(Demote{.mode = DemoteMode::Graceful});
    scene.seen.instance.process = ProcessState::Stopping;
    scene.seen.instance.control->checkpoint = Lsn{1000};
    scene.memory.stepping_down.state = SteppingDown::WhenReceived;
    scene.memory.election.last_known_members = scene.cluster().members;
    scene.peer("b", Lsn{1001}).peer("c", Lsn{900});
    return scene;
  };
  Scene all = begun();
  EXPECT_FALSE(all.planned<ReleaseLeaderKey>()) << "c may be the preferred one";
  all.peer("c", Lsn{1001});
  EXPECT_TRUE(all.planned<ReleaseLeaderKey>());
  Scene ended = begun();
  ended.decide();
  ended.seen.instance.process = ProcessState::Stopped;
  EXPECT_TRUE(ended.planned<ReleaseLeaderKey>()) << "nobody gets it from here any more";
  Scene late = begun();
  late.decide();
  EXPECT_FALSE(late.later(900ms).planned<ReleaseLeaderKey>());
  EXPECT_TRUE(late.later(200ms).planned<ReleaseLeaderKey>());
  Scene silent = begun();
  silent.silent_peer("c");
  EXPECT_TRUE(silent.planned<ReleaseLeaderKey>()) << "who cannot be asked is not waited for";
}

TEST(SteppingDown, TakesNoPositionOnAnotherTimelineForTheLastRecord) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.seen.instance.control->checkpoint = Lsn{1000};
  scene.seen.instance.control->timeline = Timeline{2};
  scene.memory.stepping_down.state = SteppingDown::WhenReceived;
  scene.memory.election.last_known_members = scene.cluster().members;
  scene.peer("b", Lsn{2000});
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>()) << "it has left this history, or never had it";
  scene.seen.peers["b"].timeline = Timeline{2};
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
}

TEST(SteppingDown, IsTakenBackWhenNobodyReceivesTheLastRecord) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.seen.instance.control->checkpoint = Lsn{1000};
  scene.memory.stepping_down.state = SteppingDown::WhenReceived;
  scene.peer("b", Lsn{900}).peer("c", Lsn{900});
  scene.decide();
  scene.later(6s);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<StartPrimary>());
  EXPECT_TRUE(scene.gives_reason("D7"));
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>());
}

TEST(SteppingDown, WithoutAReceiptReleasesTheKeyOnlyWhenPostgresIsDown) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).under_way(Demote{.mode = DemoteMode::Immediate});
  scene.memory.stepping_down.state = SteppingDown::AtOnce;
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>()) << "it is still open";
  scene.seen.instance.process = ProcessState::Stopping;
  scene.seen.instance.in_recovery.reset();
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>());
  scene.seen.under_way.clear();
  scene.down(ControlState::InProduction);
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>()) << "nobody's receipt is asked for";
  EXPECT_TRUE(scene.gives_reason("D8"));
}

TEST(SteppingDown, OfWhoLeavesEndsWithoutAReceiptAfterASecond) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.seen.instance.control->checkpoint = Lsn{1000};
  scene.seen.is_leaving = true;
  scene.memory.stepping_down.state = SteppingDown::WhenReceived;
  scene.peer("b", Lsn{900}).peer("c", Lsn{900});
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>());
  EXPECT_FALSE(scene.later(900ms).planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.later(100ms).planned<ReleaseLeaderKey>()) << "it cannot take its place again";
  EXPECT_TRUE(scene.gives_reason("D8"));
  EXPECT_FALSE(scene.planned<StartPrimary>());
}

FailoverRequest request_for_b() {
  return {.leader = "a",
          .candidate = "b",
          .scheduled_at = {},
          .schedule_is_unreadable = false,
          .mod_revision = {60}};
}

TEST(SteppingDown, ThatIsTakenBackClearsTheRequestThatLedToIt) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.seen.instance.control->checkpoint = Lsn{1000};
  scene.memory.stepping_down = {.state = SteppingDown::WhenReceived, .successor = "b"};
  scene.cluster().failover = request_for_b();
  scene.peer("b", Lsn{900});
  EXPECT_FALSE(scene.planned<ClearFailoverRequest>());
  scene.later(6s);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), ClearFailoverRequest{.seen = {60}})
      << "it would be tried without end";
}

TEST(SteppingDown, WaitsForTheReceiptOfWhomTheRequestNamesByNow) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.seen.instance.control->checkpoint = Lsn{1000};
  scene.memory.stepping_down.state = SteppingDown::WhenReceived;
  scene.peer("b", Lsn{900}).peer("c", Lsn{1100});
  Scene named = scene;
  named.cluster().failover = request_for_b();
  EXPECT_FALSE(named.planned<ReleaseLeaderKey>()) << "b would be elected";
  named.peer("b", Lsn{1100});
  EXPECT_TRUE(named.planned<ReleaseLeaderKey>());
  Scene never_leads = scene;
  never_leads.cluster().failover = request_for_b();
  never_leads.cluster().members["b"].tags.nofailover = true;
  EXPECT_TRUE(never_leads.planned<ReleaseLeaderKey>()) << "b cannot be elected";
}

TEST(SteppingDown, IsOverWhenPostgresDoesNotShutDown) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.memory.stepping_down = {.state = SteppingDown::WhenReceived, .successor = "b"};
  scene.cluster().failover = request_for_b();
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), ClearFailoverRequest{.seen = {60}});
  EXPECT_TRUE(scene.gives_reason("D7"));
  EXPECT_EQ(scene.memory.stepping_down.state, SteppingDown::No);
  EXPECT_TRUE(scene.last.is_leader);
}

TEST(SteppingDown, IsNotBegunAgainByTheRequestThatHasJustBeenRefused) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).peer("b", Lsn{100});
  scene.memory.stepping_down = {.state = SteppingDown::WhenReceived, .successor = "b"};
  scene.cluster().failover = request_for_b();
  EXPECT_TRUE(scene.planned<ClearFailoverRequest>());
  const auto& plan = scene.last.plan;
  EXPECT_TRUE(std::none_of(plan.begin(), plan.end(),
                           [](const Step& step) { return std::holds_alternative<Demote>(step); }));
  EXPECT_EQ(scene.memory.stepping_down.state, SteppingDown::No);
}

TEST(SteppingDown, ShowsNoLeaderToHealthChecksAnyMore) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}).under_way(Demote{.mode = DemoteMode::Graceful});
  scene.memory.stepping_down.state = SteppingDown::WhenReceived;
  EXPECT_FALSE(scene.decide().is_leader);
}

TEST(StartThatNobodyOrdered, IsEndedBesideAnotherLeader) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.process = ProcessState::Starting;
  scene.seen.instance.in_recovery.reset();
  EXPECT_FALSE(scene.planned<Demote>()) << "a standby opens nothing";
  scene.seen.instance.has_standby_signal = false;
  EXPECT_EQ(scene.planned<Demote>(), Demote{.mode = DemoteMode::ImmediateNoLock});
  scene.seen.settings.paused = true;
  EXPECT_FALSE(scene.planned<Demote>()) << "in maintenance mode it is the operator's";
}

TEST(StartThatNobodyOrdered, IsEndedWhereNobodyHasTheKey) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100});
  scene.seen.instance.process = ProcessState::Starting;
  scene.seen.instance.in_recovery.reset();
  scene.seen.instance.has_standby_signal = false;
  EXPECT_TRUE(scene.planned<Demote>());
  EXPECT_TRUE(scene.gives_reason("D5"));
  scene.cluster().initialize.reset();
  EXPECT_FALSE(scene.planned<Demote>()) << "no cluster yet: it may be the one that becomes it";
}

// The ttl was 26 s, then 4 s, then 14 s, and nobody has said whether the key hangs on the lease of
// 4 s: that is the length by which the guardian counts after maintenance mode, too.
TEST(PrimaryUnconfirmedAfterMaintenanceMode, StopsBeforeTheGuardianActs) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.session.leads = false;
  scene.seen.session.led_at = scene.now;
  scene.seen.session.led_ttl = 26s;
  scene.seen.session.ttl = 4s;
  scene.seen.session.unanswered_binding = scene.seen.session.lease;
  scene.seen.session.unanswered_binding_since = scene.now;
  scene.seen.settings.ttl = 14s;
  scene.seen.settings.paused = true;
  scene.later(5s).decide();
  scene.seen.settings.paused = false;
  ASSERT_FALSE(scene.planned<Demote>()) << "the first renewal after it gets its time";
  const FenceOrder fence = scene.last.fence;
  ASSERT_EQ(fence.kind, FenceOrder::Kind::Armed);
  scene.later(fence.at - scene.now - 1ms);
  EXPECT_TRUE(scene.planned<Demote>());
}

TEST(RestartBegunInMaintenanceMode, IsHeldToTheLeaseAfterIt) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.paused = true;
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  const auto restart = scene.planned<Restart>();
  ASSERT_TRUE(restart);
  scene.under_way(*restart).down(ControlState::ShutDown);
  scene.later(1s).decide();
  scene.seen.settings.paused = false;
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.later(8s);
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
}

}  // namespace
}  // namespace pgherd::test
