#include <functional>

#include "scene.h"

namespace pgherd::test {
namespace {

Scene empty_node(const char* me) {
  Scene scene(me);
  scene.seen.instance.data_directory = DataDirectory::Missing;
  scene.seen.instance.control.reset();
  return scene;
}

TEST(Bootstrap, RacesForTheInitializeKey) {
  Scene scene = empty_node("a");
  scene.cluster().initialize.reset();
  EXPECT_EQ(scene.planned<TakeInitializeKey>(), TakeInitializeKey{.lease = kLease});
}

TEST(Bootstrap, IsNotClaimedByALeaseThatIsAboutToBeExchanged) {
  Scene scene = empty_node("a");
  scene.cluster().initialize.reset();
  scene.seen.settings.ttl += 1s;
  EXPECT_FALSE(scene.planned<TakeInitializeKey>());
  EXPECT_TRUE(scene.planned<GrantLease>());
}

TEST(Bootstrap, IsNotOfAClusterThatHasOnlyLostItsKey) {
  const auto races = [](const std::function<void(Scene&)>& leave_trace) {
    Scene scene = empty_node("a");
    scene.cluster().initialize.reset();
    leave_trace(scene);
    const bool takes_key = scene.planned<TakeInitializeKey>().has_value();
    EXPECT_NE(takes_key, scene.gives_reason("B12"));
    return takes_key;
  };
  EXPECT_FALSE(races([](Scene& scene) { scene.cluster().members["c"].timeline = Timeline{1}; }));
  EXPECT_FALSE(races([](Scene& scene) {
    scene.cluster().sync = SyncKey{.leader = "b", .quorum = 0, .standbys = {}};
  }));
  EXPECT_FALSE(races([](Scene& scene) {
    scene.cluster().history.emplace();
    scene.cluster().history->push_back({.parent = Timeline{1}, .switched_at = Lsn{100}});
  }));
  EXPECT_TRUE(races([](Scene& scene) { scene.cluster().history.emplace(); }));
}

TEST(Bootstrap, IsNotForNodesThatMayNot) {
  Scene scene = empty_node("a");
  scene.cluster().initialize.reset();
  scene.seen.self.may_bootstrap = false;
  EXPECT_FALSE(scene.planned<TakeInitializeKey>());
}

TEST(Bootstrap, BelongsToWhoeverHoldsTheClaim) {
  Scene scene = empty_node("a");
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {5}, .lease = LeaseId{9}};
  EXPECT_FALSE(scene.planned<pgherd::Bootstrap>());
  scene.cluster().initialize->lease = kLease;
  EXPECT_TRUE(scene.planned<pgherd::Bootstrap>());
}

TEST(Bootstrap, EndsWithAllKeysInOneTransaction) {
  Scene scene("a");
  scene.primary(Lsn{100});
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {5}, .lease = kLease};
  EXPECT_EQ(
      scene.planned<FinishInitialize>(),
      (FinishInitialize{
          .system_id = kSystemId, .seen = Revision{5}, .config_json = "{}", .lease = kLease}));
  EXPECT_FALSE(scene.planned<Demote>());
}

TEST(Bootstrap, ThatFailedIsMovedAsideBeforeTheClaimIsGivenBack) {
  Scene scene("a");
  scene.down(ControlState::ShutDown);
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {5}, .lease = kLease};
  scene.seen.last_act = ActEnded{.step = pgherd::Bootstrap{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "initdb: no space left",
                                 .ended_at = scene.now};
  EXPECT_TRUE(scene.planned<SetAsideDataDirectory>());
  EXPECT_FALSE(scene.planned<GiveBackInitializeKey>());
  scene.seen.instance.data_directory = DataDirectory::Missing;
  scene.seen.last_act =
      ActEnded{.step = SetAsideDataDirectory{.why = "no space", .is_failed_bootstrap = true},
               .outcome = ActOutcome::Done,
               .detail = "moved",
               .ended_at = scene.now};
  EXPECT_EQ(scene.planned<GiveBackInitializeKey>(), GiveBackInitializeKey{.seen = {5}});
  scene.cluster().initialize.reset();
  const auto exit = scene.planned<Exit>();
  ASSERT_TRUE(exit);
  EXPECT_NE(exit->exit_code, 0);
}

TEST(Bootstrap, ThatFailedBeforeItMadeAnythingIsNotTriedWithoutEnd) {
  Scene scene = empty_node("a");
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {5}, .lease = kLease};
  scene.seen.last_act = ActEnded{.step = pgherd::Bootstrap{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "permission denied",
                                 .ended_at = scene.now};
  EXPECT_FALSE(scene.planned<pgherd::Bootstrap>());
  EXPECT_TRUE(scene.planned<GiveBackInitializeKey>());
  scene.cluster().initialize.reset();
  EXPECT_NE(scene.planned<Exit>()->message.find("permission denied"), std::string::npos);
}

TEST(Joining, CopiesFromTheLeader) {
  Scene scene = empty_node("a");
  scene.led_by("b");
  EXPECT_EQ(scene.planned<CloneFrom>()->source.name, "b");
  EXPECT_EQ(scene.planned<CloneFrom>()->source.slot, "a") << "made before the copy can start";
}

TEST(Joining, WaitsForASourceThatRuns) {
  Scene scene = empty_node("a");
  scene.led_by("b");
  scene.cluster().members["b"].state = MemberState::Starting;
  EXPECT_FALSE(scene.planned<CloneFrom>());
  scene.cluster().members["b"].state = MemberState::Running;
  EXPECT_TRUE(scene.planned<CloneFrom>());
}

TEST(Joining, PrefersAMemberThatOffersItself) {
  Scene scene = empty_node("a");
  scene.led_by("b");
  scene.cluster().members["c"].tags.clonefrom = true;
  EXPECT_EQ(scene.planned<CloneFrom>()->source.name, "c");
  EXPECT_EQ(scene.planned<CloneFrom>()->source.slot, "") << "it will follow another one";
}

TEST(Joining, WaitsWithBackoffAfterAFailedCopy) {
  Scene scene = empty_node("a");
  scene.led_by("b");
  scene.seen.last_act = ActEnded{.step = CloneFrom{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "connection refused",
                                 .ended_at = scene.now};
  EXPECT_FALSE(scene.planned<CloneFrom>());
  scene.later(30s);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_TRUE(scene.planned<CloneFrom>());
}

TEST(Joining, WithoutALeaderIsForACommandThatNeedsNobody) {
  Scene scene("a");
  scene.seen.instance.data_directory = DataDirectory::Missing;
  EXPECT_FALSE(scene.planned<CloneFrom>());
  scene.seen.self.may_copy_without_leader = true;
  const auto clone = scene.planned<CloneFrom>();
  ASSERT_TRUE(clone);
  EXPECT_EQ(clone->source.host, "");
  EXPECT_TRUE(scene.gives_reason("B11"));
  Scene led = scene;
  led.led_by("b");
  EXPECT_EQ(led.planned<CloneFrom>()->source.name, "b") << "where somebody leads it is the source";
  Scene new_cluster = scene;
  new_cluster.cluster().initialize.reset();
  EXPECT_FALSE(new_cluster.planned<CloneFrom>()) << "a new cluster is made by bootstrap.method";
  Scene another_makes_it = scene;
  another_makes_it.cluster().initialize =
      InitializeKey{.value = "", .mod_revision = {1}, .lease = {9}};
  EXPECT_FALSE(another_makes_it.planned<CloneFrom>());
}

TEST(Identity, OfAnotherClusterIsRefusedNamingBoth) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.cluster().initialize->value = "1234567890123";
  const auto exit = scene.planned<Exit>();
  ASSERT_TRUE(exit);
  EXPECT_NE(exit->message.find("1234567890123"), std::string::npos);
  EXPECT_NE(exit->message.find(kSystemId), std::string::npos);
}

TEST(Identity, OfExistingDataBecomesTheCluster) {
  Scene scene("a");
  scene.primary(Lsn{100});
  scene.cluster().initialize.reset();
  scene.cluster().config.reset();
  EXPECT_TRUE(scene.planned<FinishInitialize>());
}

TEST(Identity, IsTakenFromARestoredBackupAtRest) {
  Scene scene("a");
  scene.cluster().initialize.reset();
  scene.down(ControlState::InProduction);
  scene.seen.instance.has_standby_signal = scene.seen.instance.has_recovery_signal = true;
  ASSERT_TRUE(scene.planned<FinishInitialize>());
  EXPECT_EQ(scene.planned<FinishInitialize>()->system_id, kSystemId);
  EXPECT_TRUE(scene.gives_reason("B10"));
  // Somebody else has started it: what it becomes is not known yet.
  scene.seen.instance.process = ProcessState::Starting;
  EXPECT_FALSE(scene.planned<FinishInitialize>());
}

TEST(Identity, IsNotTakenFromAStandbyWithoutItsPrimary) {
  Scene scene("a");
  scene.standby(Lsn{100});
  scene.cluster().initialize.reset();
  EXPECT_FALSE(scene.planned<FinishInitialize>());
}

TEST(Identity, OfTheClusterIsKnownToWhoHasSeenItsKey) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{1000});
  (void)scene.decide();
  scene.cluster().leader.reset();
  scene.cluster().initialize.reset();
  scene.unlocked().silent_peer("b").peer("c", Lsn{900});
  EXPECT_TRUE(scene.planned<AcquireLeaderKey>()) << "as the leader it writes the key again";
  Scene stranger("a");
  stranger.standby(Lsn{1000}).unlocked().silent_peer("b").peer("c", Lsn{900});
  stranger.cluster().initialize.reset();
  EXPECT_FALSE(stranger.planned<AcquireLeaderKey>());
}

TEST(Identity, IsWrittenAgainByALeaderThatIsAboutToGo) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.cluster().initialize.reset();
  scene.seen.is_leaving = true;
  EXPECT_TRUE(scene.planned<RestoreKeys>());
}

TEST(Identity, IsWrittenAgainByALeaderWhenTheStoreWasWiped) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.cluster().initialize.reset();
  scene.cluster().config.reset();
  const auto restore = scene.planned<RestoreKeys>();
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->initialize, kSystemId);
  EXPECT_TRUE(restore->config_json);
}

TEST(Identity, IsNotWrittenAgainByWhoDoesNotLead) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.cluster().initialize.reset();
  scene.cluster().config.reset();
  EXPECT_FALSE(scene.planned<RestoreKeys>()) << "the leader's data say what the cluster is";
  Scene unconfirmed("a");
  unconfirmed.led_by("a").primary(Lsn{100}).seen.session.leads = false;
  unconfirmed.cluster().initialize.reset();
  EXPECT_FALSE(unconfirmed.planned<RestoreKeys>());
}

TEST(BrokenData, IsMovedAsideWhenThereIsSomebodyToCopyFrom) {
  Scene scene("a");
  scene.led_by("b");
  scene.seen.instance.data_directory = DataDirectory::Broken;
  scene.seen.instance.control.reset();
  EXPECT_TRUE(scene.planned<SetAsideDataDirectory>());
  EXPECT_TRUE(scene.gives_reason("B8"));
  scene.seen.last_act = ActEnded{.step = SetAsideDataDirectory{.why = "it was broken"},
                                 .outcome = ActOutcome::Done,
                                 .detail = {},
                                 .ended_at = scene.now};
  scene.seen.instance.data_directory = DataDirectory::Missing;
  EXPECT_TRUE(scene.planned<CloneFrom>()) << "only a failed bootstrap ends the agent";
}

TEST(BrokenData, ThatCannotBeReachedIsLeftAlone) {
  Scene scene("a");
  scene.led_by("b");
  scene.seen.instance.data_directory = DataDirectory::Inaccessible;
  scene.seen.instance.data_directory_problem = "no such mount";
  scene.seen.instance.control.reset();
  for (const Step& step : scene.decide().plan)
    EXPECT_NE(lane_of(step), Lane::Instance);
  EXPECT_TRUE(scene.gives_reason("B6"));
  EXPECT_NE(scene.last.summary.find("no such mount"), std::string::npos);
}

TEST(BrokenData, OfTheLeaderCostsItTheKey) {
  for (const DataDirectory what :
       {DataDirectory::Missing, DataDirectory::Inaccessible, DataDirectory::Broken}) {
    Scene scene("a");
    scene.led_by("a");
    scene.seen.instance.data_directory = what;
    scene.seen.instance.control.reset();
    EXPECT_TRUE(scene.planned<ReleaseLeaderKey>());
    EXPECT_TRUE(scene.gives_reason("B7"));
    EXPECT_FALSE(scene.planned<SetAsideDataDirectory>()) << "there is nobody to copy from";
  }
}

TEST(BrokenData, StaysWhereItIsWhenNobodyLeads) {
  Scene scene("a");
  scene.unlocked();
  scene.seen.instance.data_directory = DataDirectory::Broken;
  scene.seen.instance.control.reset();
  EXPECT_FALSE(scene.planned<SetAsideDataDirectory>());
}

TEST(Bootstrap, WhoseClaimWasLostMakesRoomForTheClusterOfAnother) {
  Scene scene("a");
  scene.primary(Lsn{100});
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {90}, .lease = {99}};
  scene.memory.bootstrap_is_unconfirmed = true;
  EXPECT_TRUE(scene.planned<Demote>());
  scene.down(ControlState::InProduction);
  EXPECT_TRUE(scene.planned<SetAsideDataDirectory>());
}

TEST(Bootstrap, EndsBeforeTheLeaseOfItsClaimDoes) {
  Scene scene("a");
  scene.primary(Lsn{100});
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {90}, .lease = kLease};
  scene.memory.bootstrap_is_unconfirmed = true;
  scene.seen.store.is_reachable = false;
  EXPECT_FALSE(scene.planned<Demote>());
  scene.later(8s);
  EXPECT_TRUE(scene.planned<Demote>());
}

TEST(Bootstrap, KeepsItsClusterWhenOnlyTheAnswerToItsKeysWasLost) {
  Scene scene("a");
  scene.primary(Lsn{100});
  scene.memory.bootstrap_is_unconfirmed = true;
  EXPECT_FALSE(scene.planned<Demote>());
  scene.down(ControlState::InProduction);
  EXPECT_FALSE(scene.planned<SetAsideDataDirectory>());
}

TEST(Bootstrap, IsEndedWhenTheClaimCannotBeHeld) {
  Scene scene("a");
  scene.seen.instance.data_directory = DataDirectory::Broken;
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {5}, .lease = kLease};
  scene.under_way(pgherd::Bootstrap{});
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.later(8s);
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
}

TEST(Bootstrap, EndsWhenItsClaimIsGone) {
  Scene scene = empty_node("a");
  scene.cluster().initialize = InitializeKey{.value = "", .mod_revision = {5}, .lease = kLease};
  scene.under_way(pgherd::Bootstrap{});
  EXPECT_FALSE(scene.planned<CancelInstanceAct>());
  scene.cluster().initialize->lease = LeaseId{9};
  EXPECT_TRUE(scene.planned<CancelInstanceAct>()) << "somebody else makes the cluster";
  scene.cluster().initialize.reset();
  EXPECT_TRUE(scene.planned<CancelInstanceAct>());
  scene.seen.store.is_reachable = false;
  EXPECT_FALSE(scene.planned<CancelInstanceAct>()) << "the claim lasts as long as its lease";
}

TEST(BrokenData, IsMovedAsideWhenThereIsNoClusterAtAll) {
  Scene scene("a");
  scene.cluster().initialize.reset();
  scene.seen.instance.data_directory = DataDirectory::Broken;
  scene.seen.instance.control.reset();
  EXPECT_TRUE(scene.planned<SetAsideDataDirectory>());
}

}  // namespace
}  // namespace pgherd::test
