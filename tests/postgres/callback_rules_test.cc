// What is called for what PostgreSQL lives through.
#include "postgres/local/callback_rules.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

using enum CallbackAction;
using enum CallbackRole;

constexpr bool kInRecovery = true;
constexpr bool kOpen = false;

CallbackCall call(CallbackAction action, CallbackRole role) {
  return {.action = action, .role = role};
}

// Postmaster 1 runs in this role, and on_start was called for it.
CallbackRules running_as(CallbackRole role) {
  CallbackRules rules;
  rules.starts_as(role == StandbyLeader ? Replica : role);
  EXPECT_EQ(rules.runs(1, role != Primary), call(OnStart, role == Primary ? Primary : Replica));
  if (role != StandbyLeader) return rules;
  EXPECT_EQ(rules.takes_role(role), call(OnRoleChange, role));
  return rules;
}

TEST(CallbackRules, AStartIsToldOnceWhenItRuns) {
  CallbackRules rules = running_as(Replica);
  EXPECT_EQ(rules.runs(1, kInRecovery), std::nullopt);
}

TEST(CallbackRules, AnAgentThatFindsAServerRunningTellsItsStart) {
  EXPECT_EQ(CallbackRules().runs(1, kOpen), call(OnStart, Primary));
  EXPECT_EQ(CallbackRules().runs(1, kInRecovery), call(OnStart, Replica));
}

TEST(CallbackRules, AStartByHandIsToldLikeAnyOther) {
  CallbackRules rules = running_as(Primary);
  EXPECT_EQ(rules.runs(2, kOpen), call(OnStart, Primary));
}

TEST(CallbackRules, ARestartIsNeitherStopNorStart) {
  CallbackRules rules = running_as(StandbyLeader);
  rules.restarts();
  EXPECT_EQ(rules.runs(1, kInRecovery), std::nullopt) << "it has not been stopped yet";
  EXPECT_EQ(rules.runs(2, kInRecovery), call(OnRestart, StandbyLeader));
  EXPECT_EQ(rules.runs(3, kInRecovery), call(OnStart, StandbyLeader));
}

TEST(CallbackRules, APromotionIsTold) {
  CallbackRules rules = running_as(Replica);
  rules.asks_for_promotion();
  EXPECT_EQ(rules.runs(1, kInRecovery), std::nullopt);
  EXPECT_EQ(rules.promoted(), call(OnRoleChange, Primary));
  EXPECT_EQ(rules.runs(1, kOpen), std::nullopt);
  EXPECT_EQ(rules.reloaded(), call(OnReload, Primary));
}

TEST(CallbackRules, APromotionThatALookSawFirstIsToldOnce) {
  CallbackRules rules = running_as(Replica);
  rules.asks_for_promotion();
  EXPECT_EQ(rules.runs(1, kOpen), call(OnRoleChange, Primary));
  EXPECT_EQ(rules.promoted(), std::nullopt);
}

TEST(CallbackRules, APromotionByHandIsNotTold) {
  CallbackRules rules = running_as(Replica);
  EXPECT_EQ(rules.runs(1, kOpen), std::nullopt);
  EXPECT_EQ(rules.reloaded(), call(OnReload, Primary));
  CallbackRules withdrawn = running_as(Replica);
  withdrawn.asks_for_promotion();
  withdrawn.withdraws_promotion();
  EXPECT_EQ(withdrawn.runs(1, kOpen), std::nullopt);
}

TEST(CallbackRules, ADemotionStopsAndThenChangesTheRole) {
  CallbackRules rules = running_as(Primary);
  EXPECT_EQ(rules.stopped(true), call(OnStop, Primary));
  rules.starts_as(Replica);
  EXPECT_EQ(rules.runs(2, kInRecovery), call(OnRoleChange, Replica));
}

TEST(CallbackRules, AStandbyThatWasStoppedStartsAsOne) {
  CallbackRules rules = running_as(Replica);
  EXPECT_EQ(rules.stopped(false), call(OnStop, Replica));
  rules.starts_as(Replica);
  EXPECT_EQ(rules.runs(2, kInRecovery), call(OnStart, Replica));
}

TEST(CallbackRules, ACrashedPrimaryThatIsStartedAgainChangesItsRole) {
  CallbackRules rules = running_as(Primary);
  rules.starts_as(Primary);
  EXPECT_EQ(rules.runs(2, kOpen), call(OnRoleChange, Primary));
}

TEST(CallbackRules, ACrashedPrimaryThatGivesUpIsDemoted) {
  CallbackRules rules = running_as(Primary);
  rules.starts_as(Primary);
  EXPECT_EQ(rules.gives_up(), call(OnRoleChange, Demoted));
  EXPECT_EQ(rules.gives_up(), std::nullopt);
  rules.starts_as(Replica);
  EXPECT_EQ(rules.runs(2, kInRecovery), call(OnRoleChange, Replica));
  EXPECT_EQ(rules.gives_up(), std::nullopt) << "a standby gives nothing up";
}

TEST(CallbackRules, WhoHasBeenDemotedIsNotToldOfItWhenTheKeyIsReleased) {
  CallbackRules rules = running_as(Primary);
  EXPECT_EQ(rules.stopped(true), call(OnStop, Primary));
  EXPECT_EQ(rules.gives_up(), std::nullopt);
}

TEST(CallbackRules, AStandbyLeaderThatAnAgentStartsFirstOfAllIsToldAsAChangeOfTheRole) {
  CallbackRules rules;
  rules.starts_as(StandbyLeader);
  EXPECT_EQ(rules.runs(1, kInRecovery), call(OnStart, Replica));
  EXPECT_EQ(rules.runs(1, kInRecovery), call(OnRoleChange, StandbyLeader));
  EXPECT_EQ(rules.runs(1, kInRecovery), std::nullopt);
  EXPECT_EQ(rules.stopped(false), call(OnStop, StandbyLeader));
  rules.starts_as(StandbyLeader);
  EXPECT_EQ(rules.runs(2, kInRecovery), call(OnStart, StandbyLeader)) << "it was told before";
}

TEST(CallbackRules, AStandbyLeaderThatLosesItsLeadBeforeItWasToldIsAReplica) {
  CallbackRules rules;
  rules.starts_as(StandbyLeader);
  EXPECT_EQ(rules.runs(1, kInRecovery), call(OnStart, Replica));
  EXPECT_EQ(rules.follows(Replica), call(OnReload, Replica));
  EXPECT_EQ(rules.runs(1, kInRecovery), std::nullopt);
}

TEST(CallbackRules, AnotherUpstreamIsAReload) {
  CallbackRules rules = running_as(Replica);
  EXPECT_EQ(rules.follows(Replica), call(OnReload, Replica));
}

TEST(CallbackRules, AStandbyLeaderThatLostAndRegainedLeadershipChangesItsRoleTwice) {
  CallbackRules rules = running_as(Replica);
  EXPECT_EQ(rules.follows(StandbyLeader), call(OnRoleChange, StandbyLeader));
  EXPECT_EQ(rules.follows(Replica), call(OnRoleChange, Replica));
  EXPECT_EQ(rules.takes_role(StandbyLeader), call(OnRoleChange, StandbyLeader));
  EXPECT_EQ(rules.takes_role(StandbyLeader), std::nullopt);
}

TEST(CallbackRules, WhatWasNeverHeardOfHasNoRoleThatChanges) {
  CallbackRules rules;
  (void)rules.reloaded();  // is no sign that a role was told
  EXPECT_EQ(rules.follows(StandbyLeader), call(OnReload, StandbyLeader));
}

}  // namespace
}  // namespace pgherd
