#include "scene.h"

namespace pgherd::test {
namespace {

TEST(Recovery, RestartsACrashedPrimaryInPlaceAtOnce) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  EXPECT_TRUE(scene.planned<StartPrimary>());
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>());
}

TEST(Recovery, StartsInPlaceUnderTheLeaseOnly) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction).later(1s);
  const auto start = scene.planned<StartPrimary>();
  ASSERT_TRUE(start);
  EXPECT_EQ(start->lease_valid_until, at(lease_margins(scene.seen.settings).demote_after));
}

TEST(Recovery, DoesNotOpenAPrimaryUnderALeaseThatIsAboutToEnd) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction).later(9s);
  EXPECT_FALSE(scene.planned<StartPrimary>());
}

TEST(Recovery, GivesWayWhenThePrimaryWillNotStart) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  scene.memory.acts.failed = 2;
  EXPECT_TRUE(scene.planned<ProbePeers>());
  EXPECT_FALSE(scene.planned<StartPrimary>());
  scene.peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_GT(scene.memory.election.lead_again_at, scene.now);
}

TEST(Recovery, FailsOverAtOnceWhenPrimaryStartTimeoutIsZero) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  scene.seen.settings.primary_start_timeout = 0s;
  scene.peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
}

TEST(Recovery, StartsInPlaceWhatWasShutDownHere) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDown);
  scene.seen.settings.primary_start_timeout = 0s;
  scene.peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<StartPrimary>()) << "b may lack the last records, this node has them";
}

TEST(Recovery, StartsInPlaceWhenNobodyIsFitToTakeOver) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  scene.seen.settings.primary_start_timeout = 0s;
  scene.cluster().status.optime = Lsn{9000000};
  scene.silent_peer("b").peer("c", Lsn{100});  // far behind
  EXPECT_TRUE(scene.planned<StartPrimary>());
}

// The leader's server runs, and is gone again.
void crash(Scene& scene) {
  scene.led_by("a").primary(Lsn{100});
  scene.decide();
  scene.down(ControlState::InProduction);
  scene.seen.session.renewed_at = scene.later(1s).now;
}

TEST(Recovery, FailsOverInsteadOfRestartingWhatCrashesAgainAndAgain) {
  Scene scene("a");
  for (int i = 0; i < 2; ++i) {
    crash(scene);
    scene.peer("b", Lsn{100});
    EXPECT_TRUE(scene.planned<StartPrimary>());
  }
  crash(scene);
  scene.peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("R10"));
}

TEST(Recovery, FailsOverAtTheSecondCrashWhereNothingIsLostByIt) {
  Scene scene("a");
  scene.seen.settings.synchronous_mode = SynchronousMode::On;
  scene.cluster().sync =
      SyncKey{.leader = "a", .quorum = 0, .standbys = {"b"}, .mod_revision = {3}};
  crash(scene);
  EXPECT_TRUE(scene.planned<StartPrimary>());
  crash(scene);
  scene.peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
}

TEST(Recovery, DoesNotCountCrashesThatLieFarApart) {
  Scene scene("a");
  for (int i = 0; i < 4; ++i) {
    crash(scene);
    EXPECT_TRUE(scene.planned<StartPrimary>());
    scene.later(120s);
  }
}

TEST(Recovery, EndsAStartThatTakesLongerThanPrimaryStartTimeout) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InCrashRecovery).under_way(StartPrimary{});
  scene.seen.settings.primary_start_timeout = Milliseconds(3000);
  scene.later(3s);
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
  EXPECT_TRUE(scene.gives_reason("R7"));
  scene.seen.under_way.clear();
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
}

TEST(Recovery, EndsAReadOnlyStartThatTakesTooLongWhenTheKeyIsItsOwnAgain) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InCrashRecovery).under_way(StartStandby{});
  scene.seen.settings.primary_start_timeout = Milliseconds(3000);
  scene.later(2900ms).peer("b", Lsn{100});
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.later(100ms).peer("b", Lsn{100});
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
  EXPECT_TRUE(scene.gives_reason("R7"));
}

TEST(Recovery, GivesWayWhenItsServerHasBeenStartingForTooLong) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InCrashRecovery);
  scene.seen.instance.process = ProcessState::Starting;
  scene.seen.settings.primary_start_timeout = Milliseconds(3000);
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<Demote>());
  scene.later(3s);
  scene.seen.session.renewed_at = scene.now;
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<Demote>()) << "nobody could take over";
  scene.peer("b", Lsn{100});
  EXPECT_EQ(scene.planned<Demote>(), Demote{.mode = DemoteMode::Immediate});
  EXPECT_TRUE(scene.gives_reason("R7"));
  scene.down(ControlState::InCrashRecovery);
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
}

TEST(Recovery, KeepsTryingWhenThereIsNobodyToGiveWayTo) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  scene.cluster().members.erase("b");
  scene.cluster().members.erase("c");
  scene.memory.acts.failed = 5;
  scene.memory.acts.retry_at = scene.now + 1s;
  EXPECT_FALSE(scene.planned<StartPrimary>()) << "nothing spins";
  scene.later(1s);
  EXPECT_TRUE(scene.planned<StartPrimary>());
}

TEST(Recovery, PausesNoLongerThanFiveSecondsWhereNobodyElseLeads) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  scene.cluster().members.erase("b");
  scene.cluster().members.erase("c");
  scene.memory.acts.failed = 10;
  scene.seen.last_act = ActEnded{.step = StartPrimary{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "no space left on device",
                                 .ended_at = scene.now};
  EXPECT_FALSE(scene.planned<StartPrimary>());
  scene.later(5s);
  scene.seen.session.renewed_at = scene.seen.store.confirmed_at = scene.now;
  EXPECT_TRUE(scene.planned<StartPrimary>());
}

TEST(Recovery, OfAMemberThatDoesNotStartPausesForLonger) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::ShutDownInRecovery);
  scene.memory.acts.failed = 10;
  scene.seen.last_act = ActEnded{.step = StartStandby{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "no space left on device",
                                 .ended_at = scene.now};
  EXPECT_FALSE(scene.planned<StartStandby>());
  EXPECT_EQ(scene.memory.acts.retry_at, scene.now + 30s);
}

TEST(Recovery, NeverOpensDataThatTheClusterHasLeftBehind) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::InProduction);
  scene.cluster().history = {{HistoryRow{
      .parent = {1}, .switched_at = {90}, .reason = {}, .timestamp = {}, .new_leader = "b"}}};
  EXPECT_FALSE(scene.planned<StartPrimary>());
}

TEST(Recovery, GivesTheKeyBackWithTheDataOfAStandby) {
  Scene scene("a");
  scene.led_by("a").down(ControlState::ShutDownInRecovery);
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>()) << "another one may have come up that is ahead";
  EXPECT_FALSE(scene.planned<StartPrimary>());
  EXPECT_TRUE(scene.gives_reason("R3"));
  Scene signal("a");
  signal.led_by("a").down(ControlState::InProduction).seen.instance.has_standby_signal = true;
  EXPECT_TRUE(signal.planned<ReleaseLeaderKey>());
  EXPECT_FALSE(signal.planned<StartPrimary>());
}

TEST(Recovery, StartsAStandbysDataStraightAway) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::ShutDownInRecovery);
  const auto start = scene.planned<StartStandby>();
  ASSERT_TRUE(start);
  EXPECT_EQ(start->upstream.host, "10.0.0.2");
  EXPECT_EQ(start->upstream.slot, "a");
}

TEST(Recovery, ComparesHistoriesBeforeAFormerPrimaryFollows) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::InProduction);
  EXPECT_TRUE(scene.planned<ExamineDivergence>());
  EXPECT_FALSE(scene.planned<StartStandby>());
}

Scene compared(Divergence verdict) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::InProduction);
  scene.seen.divergence = DivergenceSeen{.source = "b",
                                         .source_timeline = {},
                                         .verdict = verdict,
                                         .detail = "local WAL goes to 0/50",
                                         .seen_at = scene.now};
  return scene;
}

TEST(Recovery, ComparesAgainAfterAPauseWhereThatToldNothing) {
  Scene scene = compared(Divergence::Unknown);
  scene.later(1900ms);
  EXPECT_FALSE(scene.planned<ExamineDivergence>());
  EXPECT_LE(scene.last.wake_at, scene.now + 100ms);
  EXPECT_TRUE(scene.later(100ms).planned<ExamineDivergence>());
  EXPECT_FALSE(scene.planned<StartStandby>());
  // The leader is on another timeline than the one that was compared with: either is the older.
  Scene other = compared(Divergence::None);
  other.seen.divergence->source_timeline = Timeline{1};
  other.cluster().members["b"].timeline = Timeline{2};
  EXPECT_FALSE(other.later(400ms).planned<StartStandby>());
  EXPECT_FALSE(other.planned<ExamineDivergence>());
  EXPECT_TRUE(other.later(100ms).planned<ExamineDivergence>());
}

TEST(Recovery, FollowsWhenTheHistoriesAgree) {
  EXPECT_TRUE(compared(Divergence::None).planned<StartStandby>());
}

TEST(Recovery, RewindsWhatHasDiverged) {
  EXPECT_TRUE(compared(Divergence::Diverged).planned<Rewind>());
}

TEST(Recovery, WaitsForTheCheckpointOfTheNewPrimaryBeforeRewinding) {
  Scene scene = compared(Divergence::Diverged);
  scene.cluster().members["b"].checkpoint_after_promote_is_pending = true;
  EXPECT_FALSE(scene.planned<Rewind>());
}

TEST(Recovery, TriesAFailedRewindAgainAfterAPause) {
  Scene scene = compared(Divergence::Diverged);
  const auto rewind = scene.planned<Rewind>();
  ASSERT_TRUE(rewind);
  scene.seen.last_act = ActEnded{.step = *rewind,
                                 .outcome = ActOutcome::Failed,
                                 .detail = "no route to host",
                                 .ended_at = scene.now};
  EXPECT_FALSE(scene.planned<Rewind>());
  EXPECT_NE(scene.last.summary.find("no route to host"), std::string::npos);
  EXPECT_NE(scene.last.summary.find("reinit"), std::string::npos)
      << "it says what else can be done";
  scene.later(1s);
  EXPECT_TRUE(scene.planned<Rewind>());
}

TEST(Recovery, ReplacesTheDataAfterAFailedRewindWhereThatIsWanted) {
  Scene scene = compared(Divergence::Diverged);
  scene.seen.settings.remove_data_directory_on_rewind_failure = true;
  scene.memory.acts.rewind_failed = true;
  EXPECT_FALSE(scene.planned<Rewind>());
  EXPECT_TRUE(scene.planned<RemoveDataDirectory>());
}

TEST(Recovery, RemovesNothingWithoutLeave) {
  Scene scene = compared(Divergence::Diverged);
  scene.seen.settings.use_pg_rewind = false;
  EXPECT_FALSE(scene.planned<Rewind>());
  EXPECT_FALSE(scene.planned<RemoveDataDirectory>());
  EXPECT_NE(scene.last.summary.find("reinit"), std::string::npos) << "it says what to do";
  scene.seen.settings.remove_data_directory_on_diverged_timelines = true;
  EXPECT_TRUE(scene.planned<RemoveDataDirectory>());
}

TEST(Recovery, DoesNotCompareWithALeaderThatIsNoPrimaryYet) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::ShutDown);
  scene.cluster().members["b"].role = MemberRole::Replica;
  EXPECT_FALSE(scene.planned<ExamineDivergence>());
}

TEST(Recovery, StartsReadOnlyWhenNobodyLeads) {
  Scene scene("a");
  scene.down(ControlState::InProduction).unlocked();
  EXPECT_EQ(scene.planned<StartStandby>(), StartStandby{});
}

TEST(Recovery, LeavesTheFieldToTheSuccessorAfterSteppingDown) {
  Scene scene("a");
  scene.down(ControlState::ShutDown).unlocked();
  scene.memory.election.lead_again_at = scene.now + 2s;
  EXPECT_FALSE(scene.planned<StartStandby>());
  scene.later(2s);
  EXPECT_TRUE(scene.planned<StartStandby>());
}

TEST(Recovery, ComesBackForWantOfASuccessor) {
  Scene scene("a");
  scene.down(ControlState::ShutDown).unlocked();
  scene.memory.election.lead_again_at = scene.now + 30s;
  scene.peer("b", Lsn{100}).silent_peer("c");
  EXPECT_FALSE(scene.planned<StartStandby>());
  EXPECT_TRUE(scene.gives_reason("E1"));
  scene.silent_peer("b");
  EXPECT_TRUE(scene.planned<StartStandby>());
  scene.memory.election.lead_alone_at = scene.now + 1s;
  EXPECT_FALSE(scene.planned<StartStandby>());
}

TEST(Recovery, DoesNotTurnDataIntoAStandbysWhileTheClusterIsBeingMade) {
  Scene scene("a");
  scene.unlocked().down(ControlState::ShutDown);
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {90}, .lease = {99}};
  EXPECT_FALSE(scene.planned<StartStandby>());
}

TEST(Recovery, OpensTheNewClusterAgainThatDiedBeforeItsKeysWereWritten) {
  Scene scene("a");
  scene.unlocked().down(ControlState::InProduction);
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {90}, .lease = kLease};
  scene.memory.bootstrap_is_unconfirmed = true;
  EXPECT_TRUE(scene.planned<StartPrimary>());
  Scene late = scene;
  EXPECT_FALSE(late.later(8s).planned<StartPrimary>()) << "the claim is about to end";
  scene.cluster().initialize->lease = LeaseId{99};
  EXPECT_FALSE(scene.planned<StartPrimary>());
}

// Node a has stopped its primary since the store is silent.
Scene stopped_without_store() {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.later(9s);
  scene.seen.store.is_reachable = false;
  scene.under_way(Demote{.mode = DemoteMode::Offline});
  scene.decide();
  scene.seen.under_way.clear();
  scene.down(ControlState::ShutDown);
  scene.later(1s);
  scene.seen.last_act = ActEnded{.step = Demote{.mode = DemoteMode::Offline},
                                 .outcome = ActOutcome::Done,
                                 .detail = {},
                                 .ended_at = scene.now};
  return scene;
}

TEST(Recovery, OfAPrimaryThatTheSilentStoreHasStoppedIsReadOnly) {
  Scene scene = stopped_without_store();
  const auto start = scene.planned<StartStandby>();
  ASSERT_TRUE(start);
  EXPECT_EQ(start->upstream, Upstream{}) << "whom to follow is not known";
  EXPECT_TRUE(scene.gives_reason("R11"));
  Scene paused = stopped_without_store();
  paused.seen.settings.paused = true;
  EXPECT_FALSE(paused.planned<StartStandby>());
  Scene leaving = stopped_without_store();
  leaving.seen.is_leaving = true;
  EXPECT_FALSE(leaving.planned<StartStandby>());
  Scene new_agent = stopped_without_store();
  new_agent.seen.last_act.reset();
  EXPECT_FALSE(new_agent.planned<StartStandby>()) << "it was not stopped for that";
}

TEST(Recovery, OfAStandbyThatDoesNotStartComparesItsHistory) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::InArchiveRecovery);
  EXPECT_TRUE(scene.planned<StartStandby>());
  scene.memory.acts.failed = 2;
  EXPECT_TRUE(scene.planned<ExamineDivergence>());
  EXPECT_TRUE(scene.gives_reason("R12"));
  scene.cluster().members["b"].role = MemberRole::Replica;
  EXPECT_TRUE(scene.planned<StartStandby>()) << "there is nobody to compare with";
}

}  // namespace
}  // namespace pgherd::test
