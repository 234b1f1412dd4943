#include "scene.h"

namespace pgherd::test {
namespace {

constexpr Revision kSyncRevision{70};

void write_sync(Scene& scene, const NodeName& leader, std::vector<NodeName> standbys,
                int quorum = 0) {
  SyncKey key;
  key.leader = leader;
  key.standbys = std::move(standbys);
  key.quorum = quorum;
  key.mod_revision = kSyncRevision;
  scene.cluster().sync = key;
}

WalSenderView row(const NodeName& name, Lsn position, std::string sync_state = "async") {
  WalSenderView made;
  made.application_name = name;
  made.state = "streaming";
  made.sync_state = std::move(sync_state);
  made.written = made.flushed = made.replayed = position;
  return made;
}

// Node a leads at byte 1000 in priority mode; b and c stream.
Scene leading(SynchronousMode mode = SynchronousMode::On) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{1000});
  scene.seen.settings.synchronous_mode = mode;
  scene.seen.instance.wal_senders = {row("b", Lsn{1000}), row("c", Lsn{1000})};
  write_sync(scene, "a", {});
  return scene;
}

void in_force(Scene& scene, const std::string& text, Lsn since) {
  scene.seen.instance.sync_names = text;
  scene.seen.instance.sync_names_are_ours = true;
  scene.seen.instance.sync_names_are_in_force = true;
  scene.seen.instance.sync_names_since = since;
}

std::vector<NodeName> written(Scene& scene) {
  const auto step = scene.planned<WriteSync>();
  return step ? step->value.standbys : std::vector<NodeName>{"nothing is written"};
}
std::string set(Scene& scene) {
  const auto step = scene.planned<SetSyncNames>();
  return step ? step->text.value_or("as configured") : "nothing is set";
}

using Names = std::vector<NodeName>;

TEST(Synchronous, BeginsByNamingTheLeader) {
  Scene scene = leading();
  scene.cluster().sync.reset();
  const auto write = scene.planned<WriteSync>();
  ASSERT_TRUE(write);
  EXPECT_EQ(write->value.leader, "a");
  EXPECT_TRUE(write->value.standbys.empty());
  EXPECT_EQ(write->seen, Revision{});
  EXPECT_EQ(write->lease, kLease);
  EXPECT_TRUE(scene.gives_reason("Q1"));
}

TEST(Synchronous, LetsCommitsWaitBeforeAnybodyElseMayBeElected) {
  Scene scene = leading();
  EXPECT_EQ(set(scene), "\"b\"");
  EXPECT_FALSE(scene.planned<WriteSync>());
}

TEST(Synchronous, ListsAStandbyOnlyWhenItHasWhatWasAcknowledgedBefore) {
  Scene scene = leading();
  in_force(scene, "\"b\"", Lsn{1001});
  scene.seen.instance.wal_senders = {row("b", Lsn{1000}, "sync")};
  EXPECT_FALSE(scene.planned<WriteSync>()) << "PostgreSQL says sync right after the reload";
  scene.seen.instance.wal_senders = {row("b", Lsn{1001}, "sync")};
  EXPECT_EQ(written(scene), Names{"b"});
  EXPECT_TRUE(scene.gives_reason("Q5"));
}

TEST(Synchronous, ListsNobodyWhileItIsNotKnownSinceWhenTheNamesAreInForce) {
  Scene scene = leading();
  in_force(scene, "\"b\"", Lsn{500});
  scene.seen.instance.sync_names_are_in_force = false;
  scene.seen.instance.wal_senders = {row("b", Lsn{1000}, "sync")};
  EXPECT_EQ(set(scene), "\"b\"") << "it is found out by setting them again";
  EXPECT_FALSE(scene.planned<WriteSync>());
}

TEST(Synchronous, ReplacesAStandbyThatVanishesAtOnce) {
  Scene scene = leading();
  write_sync(scene, "a", {"b"});
  in_force(scene, "\"b\"", Lsn{500});
  scene.seen.instance.wal_senders = {row("c", Lsn{1000})};
  EXPECT_EQ(written(scene), Names{});
  EXPECT_FALSE(scene.planned<SetSyncNames>()) << "PostgreSQL changes after /sync has";
  write_sync(scene, "a", {});
  scene.cluster().sync->mod_revision = {71};
  EXPECT_EQ(set(scene), "\"c\"");
}

TEST(Synchronous, ReplacesAStandbyWhoseAgentIsGone) {
  Scene scene = leading();
  write_sync(scene, "a", {"b"});
  in_force(scene, "\"b\"", Lsn{500});
  scene.cluster().members.erase("b");
  EXPECT_EQ(written(scene), Names{});
}

TEST(Synchronous, GivesTheLastStandbyAMomentToComeBack) {
  Scene scene = leading();
  write_sync(scene, "a", {"b"});
  in_force(scene, "\"b\"", Lsn{500});
  scene.decide();  // b is there
  scene.seen.instance.wal_senders = {};
  EXPECT_FALSE(scene.planned<WriteSync>());
  EXPECT_LE(scene.last.wake_at, scene.now + 1s);
  scene.later(1s);
  EXPECT_EQ(written(scene), Names{});
}

TEST(Synchronous, KeepsCommitsWaitingInStrictMode) {
  Scene scene = leading();
  scene.seen.settings.synchronous_mode_strict = true;
  in_force(scene, "\"b\"", Lsn{500});
  scene.seen.instance.wal_senders = {};
  EXPECT_EQ(set(scene), "__patroni_strict_sync_replica_placeholder__");
  EXPECT_TRUE(scene.gives_reason("Q6"));
}

TEST(Synchronous, DoesNotTakeWhoMayNotBeTaken) {
  const auto chosen = [](const auto& change) {
    Scene scene = leading();
    change(scene);
    return set(scene);
  };
  const std::string other = "\"c\"";
  EXPECT_EQ(chosen([](Scene& s) { s.cluster().members["b"].tags.nosync = true; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.cluster().members["b"].state = MemberState::Starting; }),
            other);
  EXPECT_EQ(chosen([](Scene& s) { s.seen.instance.wal_senders[0].state = "catchup"; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.seen.instance.wal_senders[0].flushed = {}; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.cluster().members["b"].tags.replicatefrom = "c"; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.cluster().members["b"].tags.nofailover = true; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.seen.instance.wal_senders[0].application_name = "x"; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.cluster().members["c"].tags.sync_priority = 2; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.seen.instance.wal_senders[1].flushed = Lsn{1001}; }), other);
  EXPECT_EQ(chosen([](Scene& s) { s.seen.instance.wal_senders[0].application_name = "B"; }),
            "\"b\"")
      << "PostgreSQL does not mind the case";
}

TEST(Synchronous, ReplacesALaggard) {
  Scene scene = leading();
  scene.seen.settings.maximum_lag_on_syncnode_bytes = 100;
  write_sync(scene, "a", {"b"});
  in_force(scene, "\"b\"", Lsn{500});
  scene.seen.instance.wal_senders = {row("b", Lsn{800}, "sync"), row("c", Lsn{900})};
  EXPECT_FALSE(scene.planned<WriteSync>());
  scene.seen.instance.wal_senders[1].flushed = Lsn{901};
  EXPECT_EQ(written(scene), Names{});
}

TEST(Synchronous, ReplacesALaggardByWhatCommitsWaitFor) {
  Scene scene = leading();
  scene.seen.settings.maximum_lag_on_syncnode_bytes = 100;
  write_sync(scene, "a", {"b"});
  in_force(scene, "\"b\"", Lsn{500});
  scene.seen.instance.wal_senders = {row("b", Lsn{1000}, "sync"), row("c", Lsn{1000})};
  scene.seen.instance.wal_senders[0].replayed = Lsn{600};
  EXPECT_FALSE(scene.planned<WriteSync>()) << "flushed is enough";
  scene.seen.instance.synchronous_commit = "remote_apply";
  EXPECT_EQ(written(scene), Names{});
  scene.seen.settings.paused = true;
  scene.later(1s);
  scene.seen.session.renewed_at = scene.seen.instance.seen_at = scene.now;
  EXPECT_EQ(written(scene), Names{}) << "in maintenance mode, too";

  scene.seen.instance.wal_senders = {row("b", Lsn{600}, "sync"), row("c", Lsn{1000})};
  scene.seen.instance.wal_senders[0].written = Lsn{1000};
  scene.seen.instance.synchronous_commit = "remote_write";
  EXPECT_FALSE(scene.planned<WriteSync>());
}

TEST(Synchronous, KeepsTheOneItHas) {
  Scene scene = leading();
  write_sync(scene, "a", {"b"});
  in_force(scene, "\"b\"", Lsn{500});
  scene.seen.instance.wal_senders = {row("b", Lsn{900}, "sync"), row("c", Lsn{1000})};
  EXPECT_FALSE(scene.planned<WriteSync>());
  EXPECT_FALSE(scene.planned<SetSyncNames>());
}

TEST(Synchronous, DoesOneThingAtATime) {
  Scene scene = leading();
  scene.under_way(WriteSync{});
  EXPECT_FALSE(scene.planned<SetSyncNames>());
}

TEST(Synchronous, DoesNotRepeatARefusedWriteAtOnce) {
  Scene scene = leading();
  scene.cluster().sync.reset();
  EXPECT_TRUE(scene.planned<WriteSync>());
  EXPECT_FALSE(scene.planned<WriteSync>());
  scene.later(300ms);
  EXPECT_TRUE(scene.planned<WriteSync>());
}

TEST(Synchronous, WritesAgainWhatWasNotAnsweredBeforeAnythingElse) {
  Scene scene = leading();
  scene.seen.session.unanswered_sync = kSyncRevision;
  const auto write = scene.planned<WriteSync>();
  ASSERT_TRUE(write);
  EXPECT_EQ(write->value.leader, "a");
  EXPECT_FALSE(scene.planned<SetSyncNames>());
  EXPECT_TRUE(scene.gives_reason("Q8"));
}

TEST(Synchronous, IsTurnedOffInTheStoreFirst) {
  Scene scene = leading(SynchronousMode::Off);
  in_force(scene, "\"b\"", Lsn{500});
  EXPECT_EQ(scene.planned<DeleteSync>(), (DeleteSync{.seen = kSyncRevision, .lease = kLease}));
  EXPECT_FALSE(scene.planned<SetSyncNames>());
  scene.cluster().sync.reset();
  EXPECT_EQ(set(scene), "as configured");
}

TEST(Synchronous, LeavesTheOperatorsNamesAloneWhenItIsOff) {
  Scene scene = leading(SynchronousMode::Off);
  scene.cluster().sync.reset();
  scene.seen.instance.sync_names = "barman";
  EXPECT_FALSE(scene.planned<SetSyncNames>());
}

TEST(Synchronous, GoesOnInMaintenanceMode) {
  Scene scene = leading();
  scene.seen.settings.paused = true;
  EXPECT_EQ(set(scene), "\"b\"");
}

TEST(Synchronous, IsLookedAfterSeveralTimesASecond) {
  Scene scene = leading();
  scene.decide();
  scene.later(200ms);
  EXPECT_TRUE(scene.planned<ObserveInstance>());
}

TEST(Quorum, ListsAllThatStream) {
  Scene scene = leading(SynchronousMode::Quorum);
  EXPECT_EQ(set(scene), "ANY 1 (\"b\",\"c\")");
  in_force(scene, "ANY 1 (\"b\",\"c\")", Lsn{1000});
  EXPECT_EQ(written(scene), (Names{"b", "c"}));
  EXPECT_EQ(scene.planned<WriteSync>(), std::nullopt) << "not the same again at once";
}

TEST(Quorum, TakesNofailoverMembersOnlyWhenItNeedsThem) {
  Scene scene = leading(SynchronousMode::Quorum);
  scene.cluster().members["c"].tags.nofailover = true;
  EXPECT_EQ(set(scene), "ANY 1 (\"b\")");
  Scene needy = leading(SynchronousMode::Quorum);
  needy.cluster().members["c"].tags.nofailover = true;
  needy.seen.settings.synchronous_node_count = 2;
  EXPECT_EQ(set(needy), "ANY 2 (\"b\",\"c\")");
}

// ---- Before a promotion

Scene elected(SynchronousMode mode) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("a");
  scene.seen.settings.synchronous_mode = mode;
  scene.cluster().claim =
      TimelineClaim{.timeline = Timeline{2}, .by = "a", .mod_revision = Revision{60}};
  write_sync(scene, "b", {"a", "c"}, mode == SynchronousMode::Quorum ? 1 : 0);
  return scene;
}

TEST(BeforePromotion, NobodyElseMayBeElectedInPriorityMode) {
  Scene scene = elected(SynchronousMode::On);
  const auto write = scene.planned<WriteSync>();
  ASSERT_TRUE(write);
  EXPECT_EQ(write->value.leader, "a");
  EXPECT_TRUE(write->value.standbys.empty());
  EXPECT_FALSE(scene.planned<Promote>());
  write_sync(scene, "a", {});
  EXPECT_TRUE(scene.planned<Promote>());
}

TEST(BeforePromotion, CommitsWaitForAllWhoKnowInStrictMode) {
  Scene scene = elected(SynchronousMode::On);
  scene.seen.settings.synchronous_mode_strict = true;
  EXPECT_EQ(written(scene), (Names{"b", "c"}));
  write_sync(scene, "a", {"b", "c"});
  EXPECT_EQ(set(scene), "2 (\"b\",\"c\")");
  EXPECT_FALSE(scene.planned<Promote>());
  in_force(scene, "2 (\"b\",\"c\")", Lsn{});
  EXPECT_TRUE(scene.planned<Promote>());
}

TEST(BeforePromotion, CommitsWaitForTheQuorumInForceEverywhere) {
  Scene scene = elected(SynchronousMode::Quorum);
  EXPECT_EQ(set(scene), "ANY 1 (\"b\",\"c\")");
  in_force(scene, "ANY 1 (\"b\",\"c\")", Lsn{});
  scene.seen.instance.sync_names_are_in_force = false;
  write_sync(scene, "a", {"b", "c"}, 1);
  EXPECT_FALSE(scene.planned<Promote>()) << "a process may still acknowledge without waiting";
  scene.seen.instance.sync_names_are_in_force = true;
  EXPECT_TRUE(scene.planned<Promote>());
}

TEST(BeforePromotion, NamesOfAnEarlierReignAreGone) {
  Scene scene = elected(SynchronousMode::Off);
  scene.cluster().sync.reset();
  in_force(scene, "\"c\"", Lsn{});
  EXPECT_EQ(set(scene), "as configured");
  EXPECT_FALSE(scene.planned<Promote>());
}

TEST(BeforePromotion, APictureFromBeforeTheElectionDoesNotCount) {
  Scene scene = elected(SynchronousMode::On);
  scene.cluster().leader.reset();
  scene.seen.session.leader_revision = Revision{kPicture.value + 1};
  EXPECT_FALSE(scene.planned<WriteSync>());
  EXPECT_FALSE(scene.planned<Promote>());
}

TEST(Follower, ForgetsTheNamesOfItsReign) {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("b");
  scene.seen.settings.synchronous_mode = SynchronousMode::On;
  in_force(scene, "\"c\"", Lsn{});
  EXPECT_EQ(set(scene), "");
}

// ---- Elections

Scene race(SynchronousMode mode, const NodeName& leader, std::vector<NodeName> standbys,
           int quorum = 0) {
  Scene scene("a");
  scene.standby(Lsn{1000}).unlocked();
  scene.cluster().status.optime = Lsn{1000};
  scene.seen.settings.synchronous_mode = mode;
  write_sync(scene, leader, std::move(standbys), quorum);
  return scene;
}

TEST(SynchronousElection, IsForThoseWhoAreListed) {
  Scene scene = race(SynchronousMode::On, "b", {"c"});
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E11"));
  write_sync(scene, "b", {"A"});
  EXPECT_EQ(scene.planned<AcquireLeaderKey>(),
            (AcquireLeaderKey{.lease = kLease, .sync_seen = kSyncRevision}))
      << "and only while /sync says so";
}

TEST(SynchronousElection, IsNotBoundByTheKeyWhenTheModeIsOff) {
  Scene scene = race(SynchronousMode::Off, "b", {"c"});
  scene.silent_peer("b").silent_peer("c");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(SynchronousElection, IsNotHeldUpByAnAsynchronousStandbyThatIsAhead) {
  Scene scene = race(SynchronousMode::On, "b", {"a"});
  scene.silent_peer("b").peer("c", Lsn{2000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(SynchronousElection, IsNotHeldUpByANewerTimelineThatMayNotLead) {
  Scene scene = race(SynchronousMode::On, "a", {});
  scene.silent_peer("b").peer("c", Lsn{2000});
  scene.seen.peers["c"].timeline = Timeline{2};
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(SynchronousElection, IsNotHeldUpByTheOldLeaderReadOnlyAndAhead) {
  Scene scene = race(SynchronousMode::On, "b", {"a"});
  scene.peer("b", Lsn{2000}).silent_peer("c");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(SynchronousElection, IsVetoedByAnotherListedOneThatIsAhead) {
  Scene scene = race(SynchronousMode::On, "b", {"a", "c"});
  scene.silent_peer("b").peer("c", Lsn{1001});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E9"));
}

TEST(SynchronousElection, IsVetoedByAnybodyWhoIsStillPrimary) {
  Scene scene = race(SynchronousMode::On, "b", {"a"});
  scene.silent_peer("b").peer("c", Lsn{}, false);
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E8"));
}

TEST(QuorumElection, NeedsVotes) {
  Scene scene = race(SynchronousMode::Quorum, "b", {"a", "c"}, 1);
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E14"));
  scene.peer("c", Lsn{1000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(QuorumElection, CountsTheVoteOfOneThatMayNotLeadItself) {
  Scene scene = race(SynchronousMode::Quorum, "b", {"a", "c"}, 1);
  scene.silent_peer("b").peer("c", Lsn{900});
  scene.seen.peers["c"].nofailover = true;
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.seen.peers["c"].position = Lsn{1001};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E14")) << "it does not veto, but it is no vote either";
}

TEST(QuorumElection, NeedsOneVoteMoreOfWhomIsNotListed) {
  Scene scene = race(SynchronousMode::Quorum, "b", {"c"}, 0);
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.peer("c", Lsn{1000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(QuorumElection, IsWonByTheLastLeaderAlone) {
  Scene scene = race(SynchronousMode::Quorum, "a", {"b", "c"}, 1);
  scene.silent_peer("b").silent_peer("c");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.cluster().claim =
      TimelineClaim{.timeline = Timeline{2}, .by = "b", .mod_revision = Revision{60}};
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>())
      << "another one was going to lead since, and may have acknowledged";
}

// `a` was elected, began its timeline and closed again before it came to write `/sync`.
void has_led_unnamed(Scene& scene) {
  scene.cluster().claim =
      TimelineClaim{.timeline = scene.seen.instance.timeline,
                    .by = "a",
                    .mod_revision = {scene.cluster().sync->mod_revision.value + 1}};
}

TEST(QuorumElection, IsWonByWhoHasLedLastAndIsNotNamedYet) {
  Scene scene = race(SynchronousMode::Quorum, "b", {}, 0);
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  has_led_unnamed(scene);
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "sim seed 300004714";

  scene.peer("b", Lsn{2000});
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "one that is listed has more";
  scene.silent_peer("b");
  scene.cluster().claim->timeline.value += 1;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>()) << "the timeline that it claimed was not begun";
  has_led_unnamed(scene);
  scene.cluster().sync->mod_revision = scene.cluster().claim->mod_revision;
  ++scene.cluster().sync->mod_revision.value;
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>())
      << "a Patroni that leads writes /sync, and nothing to /timeline";
}

TEST(SynchronousElection, IsWonByWhoHasLedLastAndIsNotNamedYet) {
  Scene scene = race(SynchronousMode::On, "b", {"c"});
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E11"));
  has_led_unnamed(scene);
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(QuorumElection, CountsVotesWhileTheKeyIsFromQuorumMode) {
  Scene scene = race(SynchronousMode::On, "b", {"a", "c"}, 1);
  scene.silent_peer("b").silent_peer("c");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  EXPECT_TRUE(scene.gives_reason("E14"));
}

FailoverRequest request(std::optional<NodeName> leader, std::optional<NodeName> candidate) {
  return {.leader = std::move(leader),
          .candidate = std::move(candidate),
          .scheduled_at = {},
          .schedule_is_unreadable = false,
          .mod_revision = {61}};
}

TEST(SynchronousElection, LosesNothingByASwitchoverButMayByAFailover) {
  Scene scene = race(SynchronousMode::On, "b", {"c"});
  scene.silent_peer("b").silent_peer("c");
  scene.cluster().failover = request("b", "a");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.cluster().failover = request(std::nullopt, "a");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

TEST(QuorumElection, AsksVotesOfTheCandidateOfASwitchover) {
  Scene scene = race(SynchronousMode::Quorum, "b", {"a", "c"}, 1);
  scene.silent_peer("b").silent_peer("c");
  scene.cluster().failover = request("b", "a");
  EXPECT_FALSE(scene.planned<AcquireLeaderKey>());
  scene.cluster().failover = request(std::nullopt, "a");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
}

// ---- Forced on the cluster

// `a` has taken the key on an operator's word, and leads now.
Scene forced(SynchronousMode mode, std::vector<NodeName> listed, int quorum) {
  Scene scene = race(mode, "b", std::move(listed), quorum);
  scene.silent_peer("b").silent_peer("c");
  scene.cluster().failover = request(std::nullopt, "a");
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  scene.cluster().failover.reset();
  scene.cluster().claim =
      TimelineClaim{.timeline = Timeline{2}, .by = "a", .mod_revision = Revision{62}};
  scene.led_by("a");
  return scene;
}

void expect_named_when_open(Scene scene) {
  EXPECT_EQ(set(scene), "ANY 2 (\"b\",\"c\")");
  EXPECT_FALSE(scene.planned<Promote>());
  in_force(scene, "ANY 2 (\"b\",\"c\")", Lsn{});
  EXPECT_TRUE(scene.planned<Promote>());
  EXPECT_FALSE(scene.planned<WriteSync>()) << "if it does not open, b and c have everything";
  scene.primary(Lsn{1000});
  const auto write = scene.planned<WriteSync>();
  ASSERT_TRUE(write);
  EXPECT_EQ(write->value.leader, "a");
  EXPECT_TRUE(write->value.standbys.empty()) << "b and c need not have what a has";
}

TEST(ForcedPromotion, IsNamedWhenItIsOpen) {
  expect_named_when_open(forced(SynchronousMode::On, {"c"}, 0));
  expect_named_when_open(forced(SynchronousMode::Quorum, {"c"}, 0));
}

TEST(ForcedPromotion, IsNamedBeforeWhereItHasEverything) {
  Scene scene = forced(SynchronousMode::On, {"a", "c"}, 0);
  EXPECT_TRUE(scene.planned<WriteSync>());
}

TEST(ForcedPromotion, IsKnownToAnAgentThatHasBegunAnew) {
  Scene scene = forced(SynchronousMode::Quorum, {"c"}, 0);
  scene.memory.election.was_forced = false;
  expect_named_when_open(scene);
}

TEST(ForcedPromotion, WasForcedByTheLastElectionOnly) {
  Scene scene = forced(SynchronousMode::Quorum, {"a", "c"}, 1);
  EXPECT_TRUE(scene.memory.election.was_forced) << "listed by votes, and nobody has voted";
  scene.standby(Lsn{1000}).unlocked();
  scene.cluster().leader.reset();
  scene.peer("c", Lsn{1000});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>());
  EXPECT_FALSE(scene.memory.election.was_forced);
}

// ---- Requests, and giving up one's part

TEST(SynchronousSwitchover, IsForListedStandbysOnly) {
  Scene scene = leading();
  write_sync(scene, "a", {"b"});
  in_force(scene, "\"b\"", Lsn{500});
  scene.cluster().failover = request("a", "c");
  scene.peer("b", Lsn{1000}).peer("c", Lsn{1000});
  EXPECT_TRUE(scene.planned<ClearFailoverRequest>());
  EXPECT_TRUE(scene.gives_reason("S1"));
  scene.cluster().failover = request("a", std::nullopt);
  EXPECT_TRUE(scene.planned<Demote>());
}

TEST(QuorumSwitchover, NeedsASuccessorWhoWillHaveTheVotes) {
  Scene scene = leading(SynchronousMode::Quorum);
  write_sync(scene, "a", {"b", "c"}, 1);
  in_force(scene, "ANY 1 (\"b\",\"c\")", Lsn{500});
  scene.cluster().failover = request("a", std::nullopt);
  scene.peer("b", Lsn{1000}).silent_peer("c");
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.planned<ClearFailoverRequest>());
  scene.cluster().failover = request("a", std::nullopt);
  scene.peer("c", Lsn{900});
  EXPECT_TRUE(scene.planned<Demote>());
}

// It would stop, nobody could lead, and it would come back after all (sim seed 350132187).
TEST(QuorumSwitchover, NeedsTheVotesForWhomItNames) {
  Scene scene = leading(SynchronousMode::Quorum);
  write_sync(scene, "a", {"b", "c"}, 1);
  in_force(scene, "ANY 1 (\"b\",\"c\")", Lsn{500});
  scene.cluster().failover = request("a", "b");
  EXPECT_EQ(scene.planned<ProbePeers>()->targets.size(), 2U) << "and those who would vote";
  scene.peer("b", Lsn{1000});
  EXPECT_FALSE(scene.planned<Demote>()) << "c has not answered yet";
  EXPECT_FALSE(scene.planned<ClearFailoverRequest>());
  scene.silent_peer("c");
  EXPECT_FALSE(scene.planned<Demote>());
  EXPECT_TRUE(scene.planned<ClearFailoverRequest>());
  scene.cluster().failover = request("a", "b");
  scene.peer("c", Lsn{900});
  EXPECT_TRUE(scene.planned<Demote>()) << "c votes, for b has more";
}

TEST(QuorumSwitchover, NeedsMoreVotesForWhomSyncDoesNotList) {
  Scene scene = leading(SynchronousMode::Quorum);
  write_sync(scene, "a", {"c"}, 0);
  in_force(scene, "ANY 1 (\"c\")", Lsn{500});
  scene.cluster().failover = request("a", "b");
  scene.peer("b", Lsn{1000}).silent_peer("c");
  EXPECT_FALSE(scene.planned<Demote>());
  scene.cluster().failover = request("a", "b");
  scene.peer("c", Lsn{1000});
  EXPECT_TRUE(scene.planned<Demote>());
}

TEST(QuorumSwitchover, NeedsNoVotesForWhomAnOperatorForces) {
  Scene scene = leading(SynchronousMode::Quorum);
  write_sync(scene, "a", {"b", "c"}, 1);
  in_force(scene, "ANY 1 (\"b\",\"c\")", Lsn{500});
  scene.cluster().failover = request(std::nullopt, "b");
  scene.peer("b", Lsn{1000}).silent_peer("c");
  EXPECT_TRUE(scene.planned<Demote>());
}

Scene waited_for() {
  Scene scene("a");
  scene.standby(Lsn{1000}).led_by("b");
  scene.seen.settings.synchronous_mode = SynchronousMode::On;
  scene.seen.self.released_tags.nosync = true;
  scene.seen.self.released_tags.published = "{\"nosync\":true}";
  write_sync(scene, "b", {"a"});
  return scene;
}

TEST(Release, ComesBeforeARestart) {
  Scene scene = waited_for();
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  EXPECT_FALSE(scene.planned<Restart>());
  EXPECT_TRUE(scene.gives_reason("Q9"));
  EXPECT_TRUE(scene.last.own_member.tags.nosync) << "the leader learns it from the member key";
  write_sync(scene, "b", {"c"});
  EXPECT_TRUE(scene.planned<Restart>());
}

TEST(Release, IsFollowedByARestartThatNobodyEnds) {
  Scene scene = waited_for();
  scene.under_way(Restart{});
  EXPECT_FALSE(scene.planned<CancelInstanceAct>()) << "a standby opens nothing";
}

TEST(Release, ComesBeforeLeaving) {
  Scene scene = waited_for();
  scene.seen.is_leaving = true;
  EXPECT_FALSE(scene.planned<Stop>());
  write_sync(scene, "b", {});
  EXPECT_TRUE(scene.planned<Stop>());
}

TEST(Release, IsNotWaitedForForEver) {
  Scene scene = waited_for();
  scene.seen.is_leaving = true;
  EXPECT_FALSE(scene.planned<Stop>());
  scene.later(4s);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<Stop>());
}

TEST(Release, IsOverWhenTheWishIs) {
  Scene scene = waited_for();
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}};
  scene.decide();
  scene.seen.restart_request.reset();
  scene.decide();
  EXPECT_FALSE(scene.last.own_member.tags.nosync);
}

TEST(EmptyVoter, CopiesFromTheLeaderOnly) {
  Scene scene("a");
  scene.led_by("b");
  scene.seen.instance.data_directory = DataDirectory::Missing;
  scene.seen.instance.control.reset();
  scene.cluster().members["c"].tags.clonefrom = true;
  scene.seen.settings.synchronous_mode = SynchronousMode::On;
  write_sync(scene, "b", {"a"});
  ASSERT_TRUE(scene.planned<CloneFrom>());
  EXPECT_EQ(scene.planned<CloneFrom>()->source.name, "b");
}

}  // namespace
}  // namespace pgherd::test
