#include "scene.h"

namespace pgherd::test {
namespace {

Scene asked(std::optional<NodeName> leader, std::optional<NodeName> candidate) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{1000});
  scene.cluster().status.optime = Lsn{1000};
  scene.cluster().failover = FailoverRequest{.leader = std::move(leader),
                                             .candidate = std::move(candidate),
                                             .scheduled_at = {},
                                             .schedule_is_unreadable = false,
                                             .mod_revision = {60}};
  return scene;
}
const Demote kGraceful{.mode = DemoteMode::Graceful};
const ClearFailoverRequest kClear{.seen = {60}};

TEST(Switchover, StepsDownForAHealthyCandidate) {
  Scene scene = asked("a", "b");
  EXPECT_TRUE(scene.planned<ProbePeers>());
  scene.peer("b", Lsn{1000});
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
  EXPECT_EQ(scene.memory.stepping_down.successor, "b");
}

// 'b' could not be elected, and who had stepped down for it was elected again.
TEST(Switchover, IsTriedOnce) {
  Scene scene = asked("a", "b");
  scene.peer("b", Lsn{1000});
  ASSERT_EQ(scene.planned<Demote>(), kGraceful);
  scene.memory.stepping_down = {};
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), kClear);
  EXPECT_TRUE(scene.gives_reason("K4"));
  EXPECT_FALSE(scene.planned<Demote>());
  scene.cluster().failover->mod_revision = {70};
  EXPECT_EQ(scene.planned<Demote>(), kGraceful) << "another request";
}

// Seen under Patroni's acceptance scenarios: a second switchover a second after the first one.
TEST(Switchover, WaitsForACandidateThatDoesNotStream) {
  Scene scene = asked("a", "b");
  scene.peer("b", Lsn{1000});
  scene.seen.peers["b"].is_streaming = false;
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.gives_reason("S6"));
  scene.later(200ms);
  EXPECT_EQ(scene.planned<ProbePeers>()->targets.size(), 1U) << "it is asked again soon";
  scene.peer("b", Lsn{1000});
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

TEST(Switchover, WaitsForRoutersWhoseSessionsFollow) {
  Scene scene = asked("a", "b");
  scene.peer("b", Lsn{1000});
  scene.cluster().routers = {{"r1", Revision{60}}, {"r2", Revision{59}}};
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.gives_reason("S7"));
  scene.later(200ms);
  EXPECT_EQ(scene.planned<ProbePeers>()->targets.size(), 1U) << "it is asked again soon";
  scene.peer("b", Lsn{1000});
  scene.cluster().routers["r2"] = Revision{60};
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

TEST(Switchover, DoesNotWaitForARouterForEver) {
  Scene scene = asked("a", "b");
  scene.cluster().routers = {{"r1", Revision{}}};
  for (int half_seconds = 0; half_seconds <= 10; ++half_seconds) {
    scene.peer("b", Lsn{1000});
    scene.seen.session.renewed_at = scene.now;
    scene.seen.store.confirmed_at = scene.now;
    scene.seen.instance.seen_at = scene.now;
    EXPECT_EQ(scene.planned<Demote>().has_value(), half_seconds == 10);
    scene.later(500ms);
  }
}

TEST(Switchover, ThatWasScheduledIsNotMissedWhileItWaitsForARouter) {
  Scene scene = asked("a", "b");
  scene.cluster().failover->scheduled_at = WallTime{.microseconds = 1'000'000};
  scene.seen.wall_now = WallTime{.microseconds = 1'000'000};
  scene.cluster().routers = {{"r1", Revision{}}};
  scene.peer("b", Lsn{1000});
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.gives_reason("S7"));
  scene.later(6s).peer("b", Lsn{1000});
  scene.seen.wall_now = WallTime{.microseconds = 7'000'000};
  scene.seen.session.renewed_at = scene.seen.store.confirmed_at = scene.now;
  scene.seen.instance.seen_at = scene.now;
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

Scene leader_before_routers() {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{1000}).peer("b", Lsn{1000}).peer("c", Lsn{1000});
  scene.cluster().routers = {{"r1", Revision{}}};
  return scene;
}

TEST(Stopping, IsAnnouncedToRoutersAndWaitsForThem) {
  Scene scene = leader_before_routers();
  scene.seen.restart_request = RestartRequest{};
  EXPECT_EQ(scene.planned<AnnounceStop>(), AnnounceStop{.lease = kLease});
  EXPECT_FALSE(scene.planned<Restart>());
  EXPECT_FALSE(scene.planned<AnnounceStop>()) << "not again at once";
  scene.cluster().stopping = StopAnnouncement{.leader = "a", .mod_revision = {70}};
  EXPECT_FALSE(scene.planned<Restart>());
  EXPECT_TRUE(scene.gives_reason("S8"));
  scene.cluster().routers["r1"] = Revision{70};
  EXPECT_TRUE(scene.planned<Restart>());
}

TEST(Stopping, WaitsForRoutersWhenALeaderLeavesAsWell) {
  Scene scene = leader_before_routers();
  scene.seen.is_leaving = true;
  EXPECT_TRUE(scene.planned<AnnounceStop>());
  EXPECT_FALSE(scene.planned<Demote>());
  scene.cluster().stopping = StopAnnouncement{.leader = "a", .mod_revision = {70}};
  scene.cluster().routers["r1"] = Revision{70};
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

TEST(Stopping, DoesNotWaitForRoutersForEver) {
  Scene scene = leader_before_routers();
  scene.seen.restart_request = RestartRequest{.timeout = 60s, .asked_at = scene.now};
  for (int half_seconds = 0; half_seconds <= 10; ++half_seconds) {
    scene.seen.session.renewed_at = scene.seen.store.confirmed_at = scene.now;
    scene.seen.instance.seen_at = scene.now;
    EXPECT_EQ(scene.planned<Restart>().has_value(), half_seconds == 10);
    scene.later(500ms);
  }
}

TEST(Stopping, IsNotAnnouncedWhereNoRouterListens) {
  Scene scene = leader_before_routers();
  scene.cluster().routers.clear();
  scene.seen.restart_request = RestartRequest{};
  EXPECT_TRUE(scene.planned<Restart>());
  EXPECT_FALSE(scene.planned<AnnounceStop>());
}

TEST(Stopping, IsTakenBackWhenItIsOver) {
  Scene scene = leader_before_routers();
  scene.cluster().stopping = StopAnnouncement{.leader = "a", .mod_revision = {70}};
  EXPECT_EQ(scene.planned<WithdrawStop>(), WithdrawStop{.seen = {70}});
  scene.cluster().stopping->leader = "b";
  EXPECT_FALSE(scene.planned<WithdrawStop>()) << "another one's ends with its lease";
}

TEST(Switchover, TrustsItsOwnWalSendersAsWell) {
  Scene scene = asked("a", "b");
  scene.peer("b", Lsn{1000});
  scene.seen.peers["b"].is_streaming = false;  // a Patroni before 3.0.4 does not say
  WalSenderView sender;
  sender.application_name = "b";
  sender.state = "startup";
  scene.seen.instance.wal_senders = {sender};
  EXPECT_FALSE(scene.planned<Demote>());
  scene.seen.instance.wal_senders.front().state = "streaming";
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

TEST(Switchover, IsRefusedWhenTheCandidateNeverStreams) {
  Scene scene = asked("a", "b");
  for (int half_seconds = 0; half_seconds <= 10; ++half_seconds) {
    scene.peer("b", Lsn{1000});
    scene.seen.peers["b"].is_streaming = false;
    EXPECT_FALSE(scene.planned<Demote>());
    EXPECT_EQ(scene.planned<ClearFailoverRequest>().has_value(), half_seconds == 10);
    scene.later(500ms);
    scene.seen.session.renewed_at = scene.now;
    scene.seen.store.confirmed_at = scene.now;
    scene.seen.instance.seen_at = scene.now;
  }
}

TEST(Switchover, NeedsNoStreamInAStandbyCluster) {
  Scene scene = asked("a", "b");
  scene.standby(Lsn{1000});
  scene.seen.settings.standby_cluster = StandbyClusterSettings{.host = "far", .port = "5432"};
  scene.seen.instance.upstream = {.host = "far", .port = "5432", .slot = ""};
  scene.seen.instance.is_streaming = true;
  scene.peer("b", Lsn{1000});
  scene.seen.peers["b"].is_streaming = false;
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

TEST(Switchover, AsksOnlyTheCandidate) {
  Scene scene = asked("a", "b");
  EXPECT_EQ(scene.planned<ProbePeers>()->targets.size(), 1U);
}

TEST(Switchover, IsRefusedWhenTheCandidateCannotBeReached) {
  Scene scene = asked("a", "b");
  scene.silent_peer("b").peer("c", Lsn{1000});
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), kClear);
}

// Seen in continuous integration: back as a standby within a second of the switchover before.
TEST(Switchover, AsksAnewWhoWasNoStandbyBeforeItWasAskedFor) {
  Scene scene = asked("a", "b");
  scene.silent_peer("b").later(100ms);
  EXPECT_TRUE(scene.planned<ProbePeers>());
  EXPECT_FALSE(scene.gives_reason("S1"));
  scene.later(10ms).peer("b", Lsn{1000});
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

TEST(Switchover, IsRefusedWhenTheCandidateIsFarBehind) {
  Scene scene = asked("a", "b");
  scene.cluster().status.optime = Lsn{3000000};
  scene.peer("b", Lsn{1000});
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.planned<ClearFailoverRequest>());
}

TEST(Switchover, IsRefusedForAnOlderTimelineWhereThatIsChecked) {
  Scene scene = asked("a", "b");
  scene.primary(Lsn{1000}, Timeline{2}).peer("b", Lsn{1000});
  scene.cluster().history = {{HistoryRow{
      .parent = {1}, .switched_at = {90}, .reason = {}, .timestamp = {}, .new_leader = "a"}}};
  scene.seen.settings.check_timeline = true;
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), kClear);
  scene.seen.peers["b"].timeline = Timeline{2};
  EXPECT_EQ(scene.planned<Demote>(), kGraceful);
}

TEST(Switchover, IsRefusedForMembersThatMayNotLead) {
  Scene scene = asked("a", "b");
  scene.cluster().members["b"].tags.nofailover = true;
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), kClear);
}

TEST(Switchover, WaitsForItsTime) {
  Scene scene = asked("a", "b");
  scene.peer("b", Lsn{1000});
  scene.seen.wall_now = WallTime{5'000'000};
  scene.cluster().failover->scheduled_at = WallTime{6'000'000};
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_EQ(scene.last.wake_at, scene.now + 1s);
  scene.seen.wall_now = WallTime{6'000'000};
  EXPECT_TRUE(scene.planned<Demote>());
}

TEST(Switchover, ThatWasMissedByFarIsCleared) {
  Scene scene = asked("a", "b");
  scene.peer("b", Lsn{1000});
  scene.seen.wall_now = WallTime{600'000'000};
  scene.cluster().failover->scheduled_at = WallTime{1'000'000};
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), kClear);
}

TEST(Switchover, WhoseTimeCannotBeReadIsCleared) {
  Scene scene = asked("a", "b");
  scene.peer("b", Lsn{1000});
  scene.cluster().failover->schedule_is_unreadable = true;
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), kClear);
  EXPECT_TRUE(scene.gives_reason("S2"));
}

TEST(Switchover, IsClearedByTheWinner) {
  Scene scene = asked("b", "a");  // b asked to hand over to me, and I lead now
  EXPECT_EQ(scene.planned<ClearFailoverRequest>(), kClear);
  EXPECT_FALSE(scene.planned<Demote>());
}

}  // namespace
}  // namespace pgherd::test
