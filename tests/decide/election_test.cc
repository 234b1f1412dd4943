#include "scene.h"

namespace pgherd::test {
namespace {

Scene race_of(const char* me) {
  Scene scene(me);
  scene.standby(Lsn{1000}).unlocked();
  scene.cluster().status.optime = Lsn{1000};
  return scene;
}

TEST(Election, AsksTheOthersFirst) {
  Scene scene = race_of("a");
  const auto probe = scene.planned<ProbePeers>();
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->targets.size(), 2U);
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, IsEnteredByTheHealthiest) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{900});
  EXPECT_EQ(scene.planned<AcquireLeaderKey>(), AcquireLeaderKey{.lease = kLease});
}

TEST(Election, TakesTheKeyOnlyBySettingsThatHold) {
  Scene scene = race_of("a");
  scene.cluster().config_revision = Revision{33};
  scene.silent_peer("b").peer("c", Lsn{900});
  EXPECT_EQ(scene.planned<AcquireLeaderKey>(),
            (AcquireLeaderKey{.lease = kLease, .config_seen = Revision{33}}))
      << "maintenance mode, say, may have begun since";
}

TEST(Election, IsEnteredByBothOfTwoEqualsAndTheStoreDecides) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{1000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

// Sim seed 260004111: the keys of all members had ended with a silence of the store.
TEST(Election, IsLeftByANewAgentThatHasLessThanWasPublished) {
  Scene scene = race_of("a");
  scene.memory.election.last_leader.clear();
  scene.memory.election.last_known_members.clear();
  scene.cluster().members.erase("b");
  scene.cluster().members.erase("c");
  scene.cluster().status.optime = Lsn{1001};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E18"));

  Scene complete = scene;
  complete.cluster().status.optime = Lsn{1000};
  EXPECT_TRUE(complete.planned<AcquireLeaderKey>()) << "nobody can have more than this node";
  complete.cluster().history.emplace().emplace_back().parent = Timeline{7};
  EXPECT_FALSE(complete.planned<AcquireLeaderKey>()) << "but on a newer timeline";

  scene.later(scene.seen.settings.ttl);
  scene.seen.session.renewed_at = scene.now;
  scene.seen.instance.seen_at = scene.now;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "nobody has come";
}

TEST(Election, IsLeftToAPeerThatIsAhead) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{1001});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E9"));
  EXPECT_LE(scene.last.wake_at, scene.now + 1s) << "it looks again soon, not a loop later";
}

TEST(Election, AsksSoonAgainWhoIsAboutToHaveClosed) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{900});
  scene.seen.peers["b"].is_closing = true;
  EXPECT_FALSE(scene.planned<ProbePeers>());
  EXPECT_TRUE(scene.gives_reason("E8"));
  EXPECT_LE(scene.last.wake_at, scene.now + 100ms);
  scene.later(100ms);
  EXPECT_TRUE(scene.planned<ProbePeers>());
  // Not ten times a second for as long as it takes.
  scene.later(2s).silent_peer("b").peer("c", Lsn{900});
  scene.seen.peers["b"].is_closing = true;
  scene.later(400ms);
  EXPECT_FALSE(scene.planned<ProbePeers>());
  scene.later(100ms);
  EXPECT_TRUE(scene.planned<ProbePeers>());
}

TEST(Election, AsksOnceMoreWhoAnsweredAWhileAgo) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{900});
  scene.later(400ms);
  scene.seen.instance.seen_at = scene.now;
  const auto probe = scene.planned<ProbePeers>();
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->targets.size(), 1U) << "who is gone is not waited for again";
  EXPECT_TRUE(probe->targets.contains("c"));
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E17"));
  // It has got more from a former leader that is up again.
  Scene ahead = scene;
  ahead.peer("c", Lsn{1001});
  EXPECT_FALSE(ahead.planned<AcquireLeaderKey>());
  EXPECT_TRUE(ahead.gives_reason("E9"));
  // Once is enough, however long the answer takes.
  const Instant asked_at = scene.now;
  scene.later(700ms).peer("c", Lsn{900});
  scene.seen.peers["c"].asked_at = asked_at;
  scene.later(400ms);
  scene.seen.instance.seen_at = scene.now;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, IsNotHeldUpByAPeerAheadThatMayNotLead) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{1001});
  scene.seen.peers["c"].nofailover = true;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, IsVetoedByAPrimaryThatStillLives) {
  Scene scene = race_of("a");
  scene.peer("b", Lsn{}, false).peer("c", Lsn{900});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E8"));
}

TEST(Election, IsLeftToOthersByWhoHasJustFailedToLeadAsLongAsThereAreAny) {
  Scene scene = race_of("a");
  scene.memory.election.lead_again_at = scene.now + 30s;
  EXPECT_TRUE(scene.planned<ProbePeers>());
  scene.silent_peer("b").peer("c", Lsn{900});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E1"));
  scene.seen.peers["c"].nofailover = true;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "nobody else could lead";
  EXPECT_EQ(scene.memory.election.lead_again_at, Instant{}) << "what it has won it keeps";
}

TEST(Election, IsNeverEnteredAgainWithinAMomentAfterAFailure) {
  Scene scene = race_of("a");
  scene.silent_peer("b").silent_peer("c");
  scene.memory.election.lead_alone_at = scene.now + 2s;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E1"));
  EXPECT_LE(scene.last.wake_at, scene.now + 2s);
}

TEST(Election, AsksMembersWhoseKeysEndedTogetherWithTheLeaders) {
  Scene scene = race_of("a");
  scene.cluster().members.erase("b");
  const auto probe = scene.planned<ProbePeers>();
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe->targets.contains("b"));
}

TEST(Election, TakesNoAnswerFromBeforeTheLeaderWasLost) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{900});
  scene.later(200ms);
  scene.memory.election.unlocked_since = scene.now;
  scene.seen.instance.seen_at = scene.now;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.planned<ProbePeers>());
}

TEST(Election, IsClosedToNodesTooFarBehind) {
  Scene scene = race_of("a");
  scene.cluster().status.optime = Lsn{1000 + 1048576 + 1};
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E7"));
}

// b was forced past /sync, began timeline 2, and was lost before /sync named it: what its clients
// were told waited for a.
TEST(ElectionAfterAForcedLeader, IsOpenToThoseWhomSyncLists) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100}).silent_peer("b").peer("c", Lsn{100});
  scene.seen.settings.check_timeline = true;
  scene.seen.settings.synchronous_mode = SynchronousMode::On;
  scene.cluster().sync = SyncKey{.leader = "a", .mod_revision = {7}};
  scene.cluster().history = std::vector<HistoryRow>{{.parent = Timeline{1},
                                                     .switched_at = Lsn{100},
                                                     .reason = "",
                                                     .timestamp = "",
                                                     .new_leader = "b"}};
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  Scene completed = scene;
  completed.cluster().sync = SyncKey{.leader = "b", .standbys = {"a"}, .mod_revision = {7}};
  EXPECT_FALSE(completed.planned<AcquireLeaderKey>()) << "b may have acknowledged on it";
  EXPECT_TRUE(completed.gives_reason("E4"));
  Scene unknown = scene;
  unknown.cluster().history->back().new_leader = "";
  EXPECT_FALSE(unknown.planned<AcquireLeaderKey>());
  EXPECT_TRUE(unknown.gives_reason("E4"));
}

TEST(Election, IsClosedToNofailover) {
  Scene scene = race_of("a");
  scene.seen.self.tags.nofailover = true;
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, IsClosedToAnOlderTimelineWhereThatIsChecked) {
  Scene scene = race_of("a");
  scene.cluster().history = {{HistoryRow{
      .parent = {1}, .switched_at = {90}, .reason = {}, .timestamp = {}, .new_leader = "b"}}};
  scene.silent_peer("b").silent_peer("c");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "it has not been asked for";
  scene.seen.settings.check_timeline = true;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E4"));
  scene.seen.instance.timeline = Timeline{2};
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.seen.instance.timeline = Timeline{};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "not known is not new enough";
}

TEST(Election, PrefersTheHigherPriorityAtEqualPosition) {
  Scene scene = race_of("a");
  scene.silent_peer("b").peer("c", Lsn{1000});
  scene.seen.peers["c"].failover_priority = 2;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E10"));
  scene.memory.election.last_leader = "c";  // but not that of the leader that has just gone
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, LooksAtItsOwnPositionFirstWhenThatIsOld) {
  Scene scene = race_of("a");
  scene.silent_peer("b").silent_peer("c");
  scene.seen.instance.seen_at = scene.now - 5s;
  EXPECT_TRUE(scene.planned<ObserveInstance>());
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, GoesStraightToTheNamedCandidateOnceTheLastLeaderHasClosed) {
  Scene scene = race_of("a");
  scene.cluster().failover = FailoverRequest{.leader = "b",
                                             .candidate = "a",
                                             .scheduled_at = {},
                                             .schedule_is_unreadable = false,
                                             .mod_revision = {60}};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "b has not been asked";
  EXPECT_TRUE(scene.planned<ProbePeers>());
  scene.silent_peer("b");
  scene.seen.peers["b"].is_closing = true;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E8"));
  scene.silent_peer("b");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "c need not be asked";
}

TEST(Election, IsLeftToTheNamedCandidateUntilItTurnsOutToBeDead) {
  Scene scene = race_of("a");
  scene.cluster().failover = FailoverRequest{.leader = "b",
                                             .candidate = "c",
                                             .scheduled_at = {},
                                             .schedule_is_unreadable = false,
                                             .mod_revision = {60}};
  scene.silent_peer("b").peer("c", Lsn{1000});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E6"));
  scene.silent_peer("c");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

FailoverRequest request(std::optional<NodeName> leader, std::optional<NodeName> candidate) {
  return {.leader = std::move(leader),
          .candidate = std::move(candidate),
          .scheduled_at = {},
          .schedule_is_unreadable = false,
          .mod_revision = {60}};
}

void asked_again(Scene& scene, Duration later) {
  scene.later(later).silent_peer("b").peer("c", Lsn{1000});
  scene.seen.session.renewed_at = scene.seen.instance.seen_at = scene.now;
}

TEST(Election, IsLeftToTheNamedCandidateForTtlAtMost) {
  Scene scene = race_of("a");
  scene.cluster().failover = request("b", "c");
  asked_again(scene, 9900ms);
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  asked_again(scene, 100ms);
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "it had its time";
}

TEST(Election, IsLeftToOthersByWhoWasAskedToGiveUpItsPlace) {
  Scene scene = race_of("a");
  scene.cluster().failover = request("a", std::nullopt);
  scene.memory.election.last_leader = "a";
  scene.silent_peer("b").peer("c", Lsn{900});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E6"));
  scene.seen.peers["c"].nofailover = true;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "nobody else can take it";
  scene.seen.peers["c"].nofailover = false;
  asked_again(scene, 10s);
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "for ttl at most";
}

TEST(Election, IsNotLeftToOthersByWhoIsAskedToGiveUpAPlaceThatItDoesNotHave) {
  Scene scene = race_of("a");
  scene.cluster().failover = request("a", std::nullopt);
  scene.silent_peer("b").peer("c", Lsn{900});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());

  Scene behind = race_of("c");
  behind.cluster().failover = request("a", std::nullopt);
  behind.silent_peer("b").peer("a", Lsn{1100});
  EXPECT_FALSE(behind.planned<AcquireLeaderKey>());
  EXPECT_TRUE(behind.gives_reason("E9"));
}

TEST(Election, IsLeftByTheCandidateOfASwitchoverToWhoHasMore) {
  Scene scene = race_of("a");
  scene.cluster().failover = request("b", "a");
  scene.silent_peer("b").peer("c", Lsn{1001});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E9"));
  scene.seen.peers["c"].nofailover = true;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "nobody who has more could lead";
  scene.seen.peers["c"].nofailover = false;
  asked_again(scene, 10s);
  scene.peer("c", Lsn{1001});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "for ttl at most: who has more had its time";
  scene.memory.election.unlocked_since = scene.now;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.cluster().failover = request(std::nullopt, "a");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "a failover may lose what the operator likes";
}

TEST(Election, IsNotLeftToTheCandidateOfASwitchoverByWhoHasMore) {
  Scene scene = race_of("a");
  scene.cluster().failover = request("b", "c");
  scene.silent_peer("b").peer("c", Lsn{999});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.seen.settings.standby_cluster = StandbyClusterSettings{};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "the remote primary has it all";
  scene.seen.settings.standby_cluster.reset();
  scene.cluster().failover = request(std::nullopt, "c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "a failover may lose what the operator likes";
}

TEST(Election, PrefersTheNamedCandidateToAHigherPriority) {
  Scene scene = race_of("a");
  scene.cluster().failover = request("b", "a");
  scene.silent_peer("b").peer("c", Lsn{1000});
  scene.seen.peers["c"].failover_priority = 5;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, LeavesTheFieldToANewerTimelineWhateverThePositions) {
  Scene scene("a");
  scene.standby(Lsn{1000}).unlocked();
  scene.silent_peer("b").peer("c", Lsn{10});
  scene.seen.peers["c"].timeline = Timeline{2};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E13"));
}

TEST(Election, IsNotHeldUpByWhatLiesAheadOnAnOlderTimeline) {
  Scene scene("a");
  scene.standby(Lsn{1000}).unlocked();
  scene.seen.instance.timeline = Timeline{2};
  scene.silent_peer("b").peer("c", Lsn{5000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Leader, ClaimsTheNumberOfTheNewTimelineBeforeItPromotes) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  const auto claim = scene.planned<ClaimTimeline>();
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->timeline, Timeline{2});
  EXPECT_EQ(claim->seen, Revision{});
  EXPECT_FALSE(scene.planned<Promote>());
}

TEST(Leader, ClaimsANumberAboveEveryOneThatIsKnownOrClaimed) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.cluster().claim = TimelineClaim{.timeline = {5}, .by = "b", .mod_revision = {44}};
  scene.peer("c", Lsn{900});
  scene.seen.peers["c"].timeline = Timeline{7};
  const auto claim = scene.planned<ClaimTimeline>();
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->timeline, Timeline{8});
  EXPECT_EQ(claim->seen, Revision{44});
}

TEST(Leader, DoesNotPromoteOnAClaimThatItHasAlreadyUsed) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.instance.timeline = Timeline{2};
  scene.cluster().claim = TimelineClaim{.timeline = {2}, .by = "a", .mod_revision = {44}};
  ASSERT_TRUE(scene.planned<ClaimTimeline>());
  EXPECT_FALSE(scene.planned<Promote>());
}

TEST(Leader, PromotesOnlyUnderALeaseWithMargin) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.cluster().claim = TimelineClaim{.timeline = {2}, .by = "a", .mod_revision = {44}};
  const auto promote = scene.planned<Promote>();
  ASSERT_TRUE(promote);
  EXPECT_LT(promote->lease_valid_until, scene.now + 10s);
  scene.later(9s);
  EXPECT_FALSE(scene.planned<Promote>());
}

TEST(Leader, GivesTheKeyBackWhenThePromotionFails) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.last_act = ActEnded{.step = Promote{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "no space left",
                                 .ended_at = scene.now};
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_FALSE(scene.planned<Promote>());
}

ActEnded failed_promotion(Instant when) {
  return {.step = Promote{},
          .outcome = ActOutcome::Failed,
          .detail = "PostgreSQL ended during its promotion",
          .ended_at = when};
}

TEST(Leader, CountsAPromotionByWhichTheServerEnded) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a").decide();
  scene.down(ControlState::InArchiveRecovery);
  scene.seen.last_act = failed_promotion(scene.now);
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("K3"));
  EXPECT_EQ(scene.last.failed_promotions, 1);
}

TEST(Leader, TriesOnceMoreWithoutTheArchive) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.instance.has_restore_command = true;
  scene.decide();
  scene.down(ControlState::InArchiveRecovery);
  scene.seen.last_act = failed_promotion(scene.now);
  const auto start = scene.planned<StartStandby>();
  ASSERT_TRUE(start);
  EXPECT_TRUE(start->upstream.is_without_archive);
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>());
  // That fails as well.
  scene.seen.last_act = ActEnded{
      .step = *start, .outcome = ActOutcome::Done, .detail = {}, .ended_at = scene.now + 1ms};
  scene.standby(Lsn{1000}).decide();
  scene.seen.last_act = failed_promotion(scene.now + 2ms);
  scene.down(ControlState::InArchiveRecovery);
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_FALSE(scene.planned<StartStandby>());
}

TEST(Leader, GivesAStartWithoutTheArchiveNoMoreThanTtl) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InArchiveRecovery);
  scene.seen.settings.primary_start_timeout = Milliseconds(300'000);
  scene.memory.promotion.failures = 1;
  scene.under_way(StartStandby{.upstream = Upstream{.is_without_archive = true}});
  scene.later(9900ms).peer("b", Lsn{100});
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.later(100ms).peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<CancelInstanceAct>()) << "the others wait for it";
  EXPECT_TRUE(scene.gives_reason("R7"));
}

TEST(Leader, ThatFailsToBePromotedAloneTriesLaterAndLater) {
  std::vector<Duration> pauses;
  for (int failures = 0; failures < 5; ++failures) {
    Scene scene("a");
    scene.standby(Lsn{1000}).led_by("a");
    scene.memory.promotion.failures = failures;
    scene.seen.last_act = failed_promotion(scene.now);
    EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
    pauses.push_back(scene.memory.election.lead_alone_at - scene.now);
  }
  EXPECT_EQ(pauses, (std::vector<Duration>{2s, 4s, 8s, 10s, 10s}));
}

TEST(Leader, StopsAServerWhosePromotionFailedBeforeItTriesWithoutTheArchive) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.instance.has_restore_command = true;
  scene.seen.last_act = failed_promotion(scene.now);
  EXPECT_TRUE(scene.planned<Stop>());
  EXPECT_TRUE(scene.gives_reason("K6"));
}

TEST(Leader, LeavesTheArchiveInPlaceWhenAScriptHasRefusedThePromotion) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.instance.has_restore_command = true;
  scene.seen.last_act = ActEnded{.step = Promote{},
                                 .outcome = ActOutcome::Refused,
                                 .detail = "pre_promote exited with status 1",
                                 .ended_at = scene.now};
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_FALSE(scene.planned<Stop>());
  EXPECT_EQ(scene.last.failed_promotions, 1);
}

TEST(Election, IsNotHeldUpByOneAheadThatFailsToBePromoted) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{200}).peer("c", Lsn{50});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.seen.peers["b"].failed_promotions = 1;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  // Where all fail, the one that is ahead goes on trying.
  scene.memory.promotion.failures = 1;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E9"));
}

TEST(Election, IsWonByARunningPrimaryWhoseStandbyWasAskedLaterThanItsOwnPosition) {
  Scene scene("a");
  scene.unlocked().primary(Lsn{100}).peer("b", Lsn{120}).peer("c", Lsn{100});
  scene.seen.peers["c"].failover_priority = 2;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.seen.peers["b"].timeline = Timeline{2};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "that one has a history of its own";
}

TEST(Election, IsLeftToWhoHasFailedLessOftenOnly) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{200}).peer("b", Lsn{100}).peer("c", Lsn{100});
  scene.memory.promotion.failures = 2;
  scene.memory.election.lead_again_at = scene.now + 10s;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E1"));
  scene.seen.peers["b"].failed_promotions = scene.seen.peers["c"].failed_promotions = 2;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, LeavesTheKeyAloneWhileTheStreamGoesOn) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{50}).peer("c", Lsn{50});
  scene.seen.settings.primary_race_backoff = Milliseconds(6000);
  scene.seen.instance.is_streaming = true;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E16"));
  const auto look_later = [&](Duration by, Lsn position) {
    scene.later(by).peer("b", Lsn{50}).peer("c", Lsn{50});
    scene.seen.instance.seen_at = scene.seen.session.renewed_at = scene.now;
    scene.seen.instance.received = scene.seen.instance.replayed = position;
  };
  look_later(3s, Lsn{200});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());  // it has moved
  look_later(4s, Lsn{300});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());  // the time is over
}

TEST(Election, DoesNotWaitForWhoWasAskedToGo) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{200}).peer("c", Lsn{50});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.cluster().failover = FailoverRequest{.leader = "b",
                                             .candidate = {},
                                             .scheduled_at = {},
                                             .schedule_is_unreadable = false,
                                             .mod_revision = {60}};
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(Election, IgnoresTheLagOfTheNamedCandidateOnly) {
  Scene scene("a");
  scene.unlocked().standby(Lsn{100}).peer("b", Lsn{100}).peer("c", Lsn{50});
  scene.cluster().status.optime = Lsn{9000000};
  scene.cluster().failover = FailoverRequest{.leader = "b",
                                             .candidate = {},
                                             .scheduled_at = {},
                                             .schedule_is_unreadable = false,
                                             .mod_revision = {60}};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.cluster().failover->candidate = "a";
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

}  // namespace
}  // namespace pgherd::test
