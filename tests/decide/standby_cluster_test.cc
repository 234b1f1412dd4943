#include "scene.h"

namespace pgherd::test {
namespace {

Scene standby_leader() {
  Scene scene("a");
  scene.led_by("a").standby(Lsn{100});
  scene.seen.settings.standby_cluster =
      StandbyClusterSettings{.host = "far", .port = "5433", .primary_slot_name = "here"};
  return scene;
}

void compared(Scene& scene, Divergence verdict) {
  scene.seen.divergence = DivergenceSeen{.source = "the remote primary",
                                         .source_timeline = {},
                                         .verdict = verdict,
                                         .detail = "ahead",
                                         .seen_at = scene.now};
}

TEST(StandbyCluster, ItsLeaderFollowsTheRemotePrimary) {
  Scene scene = standby_leader();
  const auto follow = scene.planned<Follow>();
  ASSERT_TRUE(follow);
  EXPECT_EQ(follow->upstream.host, "far");
  EXPECT_EQ(follow->upstream.slot, "here");
  EXPECT_TRUE(follow->upstream.is_remote);
  EXPECT_FALSE(scene.planned<ClaimTimeline>());
  EXPECT_EQ(scene.last.own_member.role, MemberRole::StandbyLeader);
}

TEST(StandbyCluster, NamesItsSlotAsMembersNameTheirs) {
  Scene scene = standby_leader();
  scene.seen.settings.standby_cluster->primary_slot_name = "Site-B";
  EXPECT_EQ(scene.planned<Follow>()->upstream.slot, "site_b");
  scene.seen.settings.use_slots = false;
  EXPECT_EQ(scene.planned<Follow>()->upstream.slot, "");
}

TEST(StandbyCluster, BecomesAPrimaryWhenTheSectionGoes) {
  Scene scene = standby_leader();
  scene.seen.settings.standby_cluster.reset();
  EXPECT_TRUE(scene.planned<ClaimTimeline>());
}

TEST(StandbyCluster, ShutsItsPrimaryDownCleanlyAndKeepsTheKey) {
  Scene scene = standby_leader();
  scene.primary(Lsn{100});
  EXPECT_EQ(scene.planned<Demote>(), Demote{.mode = DemoteMode::DemoteCluster});
  scene.down(ControlState::ShutDown);
  EXPECT_EQ(scene.planned<ExamineDivergence>()->source.host, "far") << "it was a primary";
  compared(scene, Divergence::None);
  const auto start = scene.planned<StartStandby>();
  ASSERT_TRUE(start);
  EXPECT_EQ(start->upstream.host, "far");
  EXPECT_FALSE(scene.planned<ReleaseLeaderKey>());
}

TEST(StandbyCluster, TheOthersFollowItsLeader) {
  Scene scene("b");
  scene.led_by("a").standby(Lsn{100});
  scene.cluster().members["a"].role = MemberRole::StandbyLeader;
  scene.seen.settings.standby_cluster = StandbyClusterSettings{.host = "far", .port = {}};
  EXPECT_EQ(scene.planned<Follow>()->upstream.name, "a");
}

TEST(StandbyCluster, IsMadeByCopyingTheRemotePrimary) {
  Scene scene = standby_leader();
  scene.cluster().leader.reset();
  scene.seen.session.leads = false;
  scene.seen.session.leader_revision = {};
  scene.seen.instance = {};
  scene.seen.instance.seen_at = scene.now;
  scene.seen.instance.data_directory = DataDirectory::Missing;
  scene.seen.instance.process = ProcessState::Stopped;
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {1}, .lease = kLease};
  const auto copy = scene.planned<CloneFrom>();
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->source.host, "far");
  EXPECT_FALSE(scene.planned<Bootstrap>());
}

TEST(StandbyCluster, ComparesAndRewindsWhatDoesNotStream) {
  Scene scene = standby_leader();
  scene.seen.instance.upstream = {.host = "far", .port = "5433", .slot = "here"};
  scene.decide();
  scene.later(4s);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_EQ(scene.planned<ExamineDivergence>()->source.host, "far");
  compared(scene, Divergence::Diverged);
  EXPECT_TRUE(scene.planned<Stop>());
  scene.down(ControlState::ShutDownInRecovery);
  EXPECT_TRUE(scene.planned<Rewind>());
  scene.seen.settings.use_pg_rewind = false;
  scene.seen.settings.remove_data_directory_on_diverged_timelines = true;
  EXPECT_FALSE(scene.planned<RemoveDataDirectory>());
}

// "requested timeline 2 is not a child of this server's history", at every start.
TEST(StandbyCluster, ComparesAndRewindsWhatDoesNotStart) {
  Scene scene = standby_leader();
  scene.down(ControlState::ShutDownInRecovery);
  const auto start = scene.planned<StartStandby>();
  ASSERT_TRUE(start) << "a standby that was shut down needs no comparison";
  scene.later(1s);
  scene.seen.session.renewed_at = scene.now;
  scene.seen.last_act = ActEnded{
      .step = *start, .outcome = ActOutcome::Failed, .detail = "it ended", .ended_at = scene.now};
  scene.decide();
  scene.later(2s);
  scene.seen.session.renewed_at = scene.now;
  const auto examination = scene.planned<ExamineDivergence>();
  ASSERT_TRUE(examination);
  EXPECT_EQ(examination->source.host, "far");
  compared(scene, Divergence::Diverged);
  const auto rewind = scene.planned<Rewind>();
  ASSERT_TRUE(rewind);
  EXPECT_EQ(rewind->source.host, "far");
  scene.seen.settings.use_pg_rewind = false;
  EXPECT_TRUE(scene.planned<StartStandby>()) << "it can be read, at least";
}

TEST(StandbyCluster, StartsWithoutAComparisonWhereTheRemotePrimaryIsSilent) {
  Scene scene = standby_leader();
  scene.down(ControlState::ShutDown);
  compared(scene, Divergence::Unknown);
  EXPECT_TRUE(scene.planned<StartStandby>());
}

TEST(StandbyCluster, GivesWayWhenItsServerDoesNotStart) {
  Scene scene = standby_leader();
  scene.down(ControlState::ShutDownInRecovery);
  scene.memory.acts.failed = 2;
  EXPECT_TRUE(scene.planned<ProbePeers>());
  scene.peer("b", Lsn{100}).peer("c", Lsn{100});
  EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("R2"));
}

TEST(StandbyCluster, ItsLeaderDropsSlotsThatNobodyNeeds) {
  Scene scene = standby_leader();
  scene.seen.instance.upstream = {.host = "far", .port = "5433", .slot = "here"};
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"},
                               SlotView{.name = "nobodys"}};
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->drop, std::vector<std::string>{"nobodys"});
}

}  // namespace
}  // namespace pgherd::test
