#include "scene.h"

namespace pgherd::test {
namespace {

TEST(Publishing, TellsAChangeOfRoleAtOnce) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.cluster().members["a"].role = MemberRole::Replica;
  scene.memory.published.member_at = scene.now;
  const auto publish = scene.planned<PublishMember>();
  ASSERT_TRUE(publish);
  EXPECT_EQ(publish->member.role, MemberRole::Primary);
  EXPECT_EQ(publish->lease, kLease);
}

TEST(Publishing, APrimaryThatIsBeingRestartedHasGivenUpNothing) {
  Scene scene("a");
  scene.unlocked().down(ControlState::ShutDown);
  EXPECT_EQ((scene.decide(), scene.last.own_member.role), MemberRole::Demoted);
  scene.under_way(Restart{.timeout = {}, .is_primary = true});
  EXPECT_EQ((scene.decide(), scene.last.own_member.role), MemberRole::Primary);
}

MemberState told(Scene& scene) {
  return scene.decide().own_member.state.value_or(MemberState::Running);
}

// Ended, as the next look at the world will find it.
void fail(Scene& scene, Step step) {
  scene.seen.under_way.clear();
  scene.later(1s).seen.last_act = ActEnded{.step = std::move(step),
                                           .outcome = ActOutcome::Failed,
                                           .detail = "no",
                                           .ended_at = scene.now};
}

TEST(Publishing, TellsAServerThatWasStoppedFromOneThatCrashed) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  EXPECT_EQ(told(scene), MemberState::Running);
  scene.down(ControlState::InArchiveRecovery);
  EXPECT_EQ(told(scene), MemberState::Crashed);
  // In maintenance mode it was an operator's to stop.
  scene.seen.settings.paused = true;
  EXPECT_EQ(told(scene), MemberState::Stopped);

  Scene other("a");
  other.led_by("b").standby(Lsn{100});
  EXPECT_EQ(told(other), MemberState::Running);
  other.under_way(Stop{});
  EXPECT_EQ(told(other), MemberState::Stopping);
  other.seen.under_way.clear();
  other.down(ControlState::ShutDownInRecovery);
  EXPECT_EQ(told(other), MemberState::Stopped);

  Scene begun("a");
  begun.led_by("b").down(ControlState::InArchiveRecovery);
  EXPECT_EQ(told(begun), MemberState::Stopped) << "this agent has not seen it running";
}

TEST(Publishing, NamesWhatFailedLast) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::InArchiveRecovery);
  fail(scene, StartStandby{});
  EXPECT_EQ(told(scene), MemberState::StartFailed);
  scene.under_way(Restart{.timeout = {}, .is_primary = false});
  EXPECT_EQ(told(scene), MemberState::Restarting);
  fail(scene, Restart{.timeout = {}, .is_primary = false});
  EXPECT_EQ(told(scene), MemberState::RestartFailed);
  scene.under_way(Stop{}).seen.instance.process = ProcessState::Stopping;
  EXPECT_EQ(told(scene), MemberState::Stopping);
  fail(scene, Stop{});
  EXPECT_EQ(told(scene), MemberState::StopFailed) << "its server is still closing";
}

TEST(Publishing, NamesHowAClusterIsMade) {
  for (const bool by_command : {false, true}) {
    Scene scene("a");
    scene.cluster().initialize.reset();
    scene.seen.instance.data_directory = DataDirectory::Missing;
    scene.seen.self.bootstraps_by_command = by_command;
    scene.under_way(pgherd::Bootstrap{});
    EXPECT_EQ(told(scene), by_command ? MemberState::CustomBootstrap : MemberState::InitDb);
    fail(scene, pgherd::Bootstrap{});
    EXPECT_EQ(told(scene),
              by_command ? MemberState::CustomBootstrapFailed : MemberState::InitDbFailed);
  }
}

TEST(Publishing, TellsPositionsOncePerLoop) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.is_streaming = true;
  const auto first = scene.planned<PublishMember>();
  ASSERT_TRUE(first);
  scene.cluster().members["a"] = first->member;
  scene.cluster().members["a"].lease = kLease;
  scene.seen.instance.received = Lsn{200};
  EXPECT_FALSE(scene.planned<PublishMember>());
  scene.later(2s);
  EXPECT_TRUE(scene.planned<PublishMember>());
}

TEST(Publishing, TellsHowFarACopyIsOncePerLoop) {
  Scene scene("a");
  scene.led_by("b");
  scene.seen.instance.data_directory = DataDirectory::Missing;
  scene.under_way(CloneFrom{});
  scene.seen.instance.copy = CopyProgress{.from = "b", .copied_bytes = 10, .total_bytes = 100};
  const auto first = scene.planned<PublishMember>();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->member.copy, scene.seen.instance.copy);
  scene.cluster().members["a"] = first->member;
  scene.cluster().members["a"].lease = kLease;
  scene.seen.instance.copy->copied_bytes = 20;
  EXPECT_FALSE(scene.planned<PublishMember>());
  scene.later(2s);
  EXPECT_TRUE(scene.planned<PublishMember>());
}

TEST(Publishing, KeepsAMemberWithAnUnfinishedCheckpointFromBeingARewindSource) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}, Timeline{2});
  scene.seen.instance.control->timeline = Timeline{1};
  EXPECT_TRUE(scene.planned<PublishMember>()->member.checkpoint_after_promote_is_pending);
  EXPECT_TRUE(scene.planned<Checkpoint>());
}

TEST(Publishing, OfTheStatusIsTheLeadersAlone) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  const auto status = scene.planned<PublishStatus>();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->status.optime, Lsn{100});
  EXPECT_EQ(status->status.slots.at("a"), Lsn{100}) << "so that its own slot moves on elsewhere";

  Scene other("a");
  other.led_by("b").standby(Lsn{100});
  EXPECT_FALSE(other.planned<PublishStatus>());
}

TEST(Publishing, OfTheStatusEndsWithTheLead) {
  Scene scene("a");
  scene.led_by("b").primary(Lsn{100});
  EXPECT_FALSE(scene.planned<PublishStatus>()) << "the others judge by it who is behind";
  Scene late("a");
  late.led_by("a").primary(Lsn{100}).later(9s);
  EXPECT_FALSE(late.planned<PublishStatus>()) << "its lease is about to end";
}

TEST(Publishing, StampsTheNewTimelineWithItsMaker) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100}, Timeline{2});
  scene.cluster().history = std::vector<HistoryRow>{};
  scene.seen.instance.history = {{HistoryRow{.parent = {1},
                                             .switched_at = {90},
                                             .reason = "no recovery target specified",
                                             .timestamp = "t",
                                             .new_leader = {}}}};
  const auto history = scene.planned<PublishHistory>();
  ASSERT_TRUE(history);
  EXPECT_EQ(history->rows.back().new_leader, "a");
}

TEST(Publishing, OfTheHistoryNamesNumbersThatWereSkippedSoThatTheLastParentTellsTheTimeline) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{500}, Timeline{5});
  scene.seen.instance.history = {{.parent = {2}, .switched_at = Lsn{400}}};
  const auto publish = scene.planned<PublishHistory>();
  ASSERT_TRUE(publish);
  ASSERT_EQ(publish->rows.size(), 3U);
  EXPECT_EQ(publish->rows.back().parent, Timeline{4});
  EXPECT_EQ(publish->rows.back().switched_at, Lsn{400});
  scene.cluster().history = publish->rows;
  EXPECT_EQ(scene.cluster().newest_timeline(), Timeline{5});
  EXPECT_FALSE(scene.planned<PublishHistory>());
}

}  // namespace
}  // namespace pgherd::test
