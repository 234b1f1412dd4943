#include "routing/planner.h"

#include <gtest/gtest.h>

#include "routing/a_herd.h"

namespace pgherd::test {
namespace {

std::string primary_of(const Routes& routes) {
  return routes.primary ? routes.servers[*routes.primary].name : "";
}
std::string readers_of(const Routes& routes) {
  std::string names;
  for (const Server& server : routes.servers)
    if (server.takes_reads) names += server.name;
  return names;
}
const Server& server_of(const Routes& routes, const std::string& name) {
  for (const Server& server : routes.servers)
    if (server.name == name) return server;
  ADD_FAILURE() << name << " is not there";
  return routes.servers.front();
}

TEST(Planner, SendsWritesToTheLeaderAndReadsToTheStandbys) {
  Planner planner({});
  const Routes routes = planner.plan(a_herd().view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "a");
  EXPECT_EQ(readers_of(routes), "bc");
  EXPECT_EQ(routes.servers[0].address, (HostPort{"a", "5432"}));
  EXPECT_EQ(routes.reign, Revision{10});
}

TEST(Planner, HasNoPrimaryWhileNobodyLeads) {
  Planner planner({});
  const Routes routes = planner.plan(a_herd().nobody_leads().view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "");
  EXPECT_NE(routes.why_no_primary.find("nobody leads"), std::string::npos);
  EXPECT_EQ(readers_of(routes), "bc") << "reads go on";
}

// Two may call themselves primary; one holds the key.
TEST(Planner, BelievesTheKeyAndNotWhatAMemberSaysOfItself) {
  AHerd herd = a_herd();
  herd.leader("b", 20);
  herd.member("b", MemberRole::Primary);
  Planner planner({});
  const Routes routes = planner.plan(herd.view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "b");
  EXPECT_EQ(readers_of(routes), "c");
}

TEST(Planner, WaitsUntilTheElectedOneIsPromoted) {
  AHerd herd = a_herd();
  herd.leader("b", 20);
  Planner planner({});
  EXPECT_EQ(primary_of(planner.plan(herd.view, kNow, kWallNow)), "");
  herd.member("b", MemberRole::Promoted);
  const Routes routes = planner.plan(herd.view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "");
  EXPECT_NE(routes.why_no_primary.find("b has been elected"), std::string::npos);
  EXPECT_EQ(readers_of(routes), "c") << "what is about to be the primary takes no new reads";
  herd.member("b", MemberRole::Primary).timeline = Timeline{2};
  EXPECT_EQ(primary_of(planner.plan(herd.view, kNow, kWallNow)), "b");
}

TEST(Planner, WaitsWhileTheLeadersPostgresqlIsStarted) {
  AHerd herd = a_herd();
  herd.member("a", MemberRole::Replica, MemberState::Starting);
  Planner planner({});
  const Routes routes = planner.plan(herd.view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "");
  EXPECT_NE(routes.why_no_primary.find("starting"), std::string::npos);
}

TEST(Planner, RefusesALeaderOnATimelineThatWasLeftBehind) {
  AHerd herd = a_herd();
  herd.view.history = std::vector<HistoryRow>{{.parent = Timeline{1}}, {.parent = Timeline{2}}};
  herd.member("a", MemberRole::Primary).timeline = Timeline{2};
  Planner planner({});
  const Routes routes = planner.plan(herd.view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "");
  EXPECT_NE(routes.why_no_primary.find("timeline 2"), std::string::npos);
  herd.member("a", MemberRole::Primary).timeline = Timeline{3};
  EXPECT_EQ(primary_of(planner.plan(herd.view, kNow, kWallNow)), "a");
}

TEST(Planner, KnowsThePrimaryThroughARewritingOfItsMemberKey) {
  AHerd herd = a_herd();
  Planner planner({});
  (void)planner.plan(herd.view, kNow, kWallNow);
  herd.view.members.erase("a");
  const Routes routes = planner.plan(herd.view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "a");
  EXPECT_EQ(routes.servers[*routes.primary].address, (HostPort{"a", "5432"}));
  herd.leader("a", 11);
  EXPECT_EQ(primary_of(planner.plan(herd.view, kNow, kWallNow)), "")
      << "of another reign nothing is known";
}

TEST(Planner, HasAPrimaryInAStandbyClusterThatIsInRecovery) {
  AHerd herd = a_herd();
  herd.member("a", MemberRole::StandbyLeader);
  Planner planner({});
  const Routes routes = planner.plan(herd.view, kNow, kWallNow);
  EXPECT_EQ(primary_of(routes), "a");
  EXPECT_TRUE(routes.primary_is_in_recovery);
}

TEST(Planner, KeepsReadsAwayFromWhoIsNoUsableStandby) {
  AHerd herd = a_herd();
  herd.standby("b").tags.noloadbalance = true;
  herd.standby("c").state = MemberState::Starting;
  herd.standby("d").conn_url = "";
  herd.member("e", MemberRole::Primary);
  Planner planner({});
  const Routes routes = planner.plan(herd.view, kNow, kWallNow);
  EXPECT_EQ(readers_of(routes), "");
  EXPECT_NE(server_of(routes, "b").why_no_reads.find("noloadbalance"), std::string::npos);
  EXPECT_NE(server_of(routes, "c").why_no_reads.find("starting"), std::string::npos);
  EXPECT_NE(server_of(routes, "e").why_no_reads.find("no standby"), std::string::npos);
}

TEST(Planner, TakesBackAStandbyThatWasTooFarBehindAtHalfOfTheLimitOnly) {
  Planner planner({.lag_bytes_max = 100});
  AHerd herd = a_herd();
  const auto with_lag = [&](std::uint64_t lag) {
    herd.standby("b", 1000 - lag);
    return readers_of(planner.plan(herd.view, kNow, kWallNow));
  };
  EXPECT_EQ(with_lag(100), "bc");
  EXPECT_EQ(with_lag(101), "c");
  EXPECT_EQ(with_lag(99), "c");
  EXPECT_EQ(with_lag(51), "c");
  EXPECT_EQ(with_lag(50), "bc");
  EXPECT_EQ(with_lag(99), "bc");
}

TEST(Planner, MeasuresLagInTimeWhileTheStoreIsSilentToo) {
  Planner planner({.lag_time_max = 10s});
  AHerd herd = a_herd();
  (void)planner.plan(herd.view, kNow, kWallNow);
  herd.primary_is_at(2000).standby("c", 2000);
  EXPECT_EQ(readers_of(planner.plan(herd.view, kNow + 1s, kWallNow)), "bc");
  EXPECT_EQ(readers_of(planner.plan(herd.view, kNow + 11s, kWallNow)), "bc");
  const Routes routes = planner.plan(herd.view, kNow + 12s, kWallNow);
  EXPECT_EQ(readers_of(routes), "c");
  EXPECT_EQ(server_of(routes, "b").lag_bytes, 1000U);
  EXPECT_EQ(server_of(routes, "b").lag_time, 11s);
  herd.standby("b", 2000);
  EXPECT_EQ(readers_of(planner.plan(herd.view, kNow + 13s, kWallNow)), "bc");
}

// Patroni before 4.1 publishes one position only.
TEST(Planner, TakesTheOnePositionThatOlderMembersPublish) {
  Planner planner({.lag_bytes_max = 100});
  AHerd herd = a_herd();
  Member& b = herd.standby("b");
  b.replay_lsn.reset();
  b.xlog_location = Lsn{500};
  EXPECT_EQ(readers_of(planner.plan(herd.view, kNow, kWallNow)), "c");
}

TEST(Planner, TellsThatTheLeaderIsAskedToGiveWay) {
  Planner planner({});
  AHerd herd = a_herd();
  EXPECT_FALSE(planner.plan(herd.view, kNow, kWallNow).announced_change);
  herd.view.failover = FailoverRequest{.leader = "a", .candidate = "b", .mod_revision = {5}};
  EXPECT_TRUE(planner.plan(herd.view, kNow, kWallNow).announced_change);
  herd.leader("b");
  EXPECT_FALSE(planner.plan(herd.view, kNow, kWallNow).announced_change) << "it is done";
  herd.nobody_leads();
  EXPECT_FALSE(planner.plan(herd.view, kNow, kWallNow).announced_change);
}

TEST(Planner, TellsOfAScheduledRequestWhenItsTimeHasCome) {
  Planner planner({});
  AHerd herd = a_herd();
  const WallTime then{.microseconds = 5'000'000};
  herd.view.failover = FailoverRequest{.leader = "a", .scheduled_at = then, .mod_revision = {5}};
  EXPECT_FALSE(planner.plan(herd.view, kNow, {.microseconds = 4'999'999}).announced_change);
  EXPECT_TRUE(planner.plan(herd.view, kNow, then).announced_change);
  herd.view.failover->schedule_is_unreadable = true;
  EXPECT_FALSE(planner.plan(herd.view, kNow, then).announced_change);
}

TEST(Planner, ForgetsARequestThatNobodyCarriesOut) {
  Planner planner({});
  AHerd herd = a_herd();
  herd.view.failover = FailoverRequest{.leader = "a", .mod_revision = {5}};
  EXPECT_TRUE(planner.plan(herd.view, kNow, kWallNow).announced_change);
  EXPECT_TRUE(planner.plan(herd.view, kNow + 10s, kWallNow).announced_change);
  EXPECT_FALSE(planner.plan(herd.view, kNow + 10001ms, kWallNow).announced_change);
  herd.view.failover->mod_revision = {6};
  EXPECT_TRUE(planner.plan(herd.view, kNow + 11s, kWallNow).announced_change) << "a new one";
}

}  // namespace
}  // namespace pgherd::test
