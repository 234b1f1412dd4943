#include "rest/health.h"

#include <gtest/gtest.h>

#include "rest/a_node.h"

namespace pgherd::test {
namespace {

int code(const NodeStatus& status, const std::string& target) {
  const Target parsed = parse_target(target);
  return health_code(parsed.path, parsed.query, status);
}

struct Expected {
  std::string path;
  int code;
};
void expect_codes(const NodeStatus& status, const std::vector<Expected>& table) {
  for (const auto& [path, expected] : table)
    EXPECT_EQ(code(status, path), expected) << path;
}

TEST(Health, OfALeadingPrimary) {
  expect_codes(a_primary(), {{"/", 200},
                             {"/primary", 200},
                             {"/primary/", 200},
                             {"/master", 200},
                             {"/read-write", 200},
                             {"/leader", 200},
                             {"/standby-leader", 503},
                             {"/standby_leader", 503},
                             {"/replica", 503},
                             {"/read-only", 200},
                             {"/health", 200},
                             {"/sync", 503},
                             {"/synchronous", 503},
                             {"/quorum", 503},
                             {"/async", 503},
                             {"/asynchronous", 503},
                             {"/read-only-sync", 200},
                             {"/read-only-synchronous", 200},
                             {"/read-only-quorum", 200}});
}

TEST(Health, OfAStreamingStandby) {
  expect_codes(a_standby(), {{"/", 503},
                             {"/primary", 503},
                             {"/leader", 503},
                             {"/standby-leader", 503},
                             {"/replica", 200},
                             {"/read-only", 200},
                             {"/health", 200},
                             {"/sync", 503},
                             {"/quorum", 503},
                             {"/async", 200},
                             {"/read-only-sync", 503},
                             {"/read-only-quorum", 503}});
}

TEST(Health, OfASynchronousStandby) {
  expect_codes(synchronous(a_standby(), SynchronousMode::On, "b"), {{"/sync", 200},
                                                                    {"/synchronous", 200},
                                                                    {"/async", 503},
                                                                    {"/quorum", 503},
                                                                    {"/replica", 200},
                                                                    {"/read-only-sync", 200},
                                                                    {"/read-only-quorum", 503}});
}

TEST(Health, OfAQuorumStandby) {
  expect_codes(synchronous(a_standby(), SynchronousMode::Quorum, "b"), {{"/quorum", 200},
                                                                        {"/sync", 503},
                                                                        {"/async", 503},
                                                                        {"/read-only-quorum", 200},
                                                                        {"/read-only-sync", 503}});
}

TEST(Health, OfAStandbyLeader) {
  expect_codes(a_standby_leader(), {{"/", 503},
                                    {"/primary", 503},
                                    {"/leader", 200},
                                    {"/standby-leader", 200},
                                    {"/standby_leader", 200},
                                    {"/replica", 503},
                                    {"/read-only", 200},
                                    {"/health", 200}});
}

TEST(Health, OfAPrimaryThatHoldsTheLockAndIsDown) {
  NodeStatus status = a_primary();
  status.state = MemberState::Starting;
  status.instance.process = ProcessState::Starting;
  status.instance.in_recovery.reset();
  expect_codes(status, {{"/primary", 200}, {"/leader", 200}, {"/health", 503}, {"/replica", 503}});
}

TEST(Health, OfAPrimaryThatLostTheLock) {
  NodeStatus status = a_primary();
  status.leads = false;
  expect_codes(status,
               {{"/primary", 503}, {"/leader", 503}, {"/read-only", 503}, {"/health", 200}});
}

TEST(Health, WithoutAStoreIsJudgedByRoleWhilePaused) {
  NodeStatus status = a_primary();
  status.cluster.reset();
  status.leads = false;
  status.settings.paused = true;
  expect_codes(status, {{"/primary", 200}, {"/leader", 200}, {"/standby-leader", 503}});
  NodeStatus standby_leader = a_standby_leader();
  standby_leader.cluster.reset();
  standby_leader.leads = false;
  standby_leader.settings.paused = true;
  expect_codes(standby_leader, {{"/primary", 503}, {"/leader", 200}, {"/standby-leader", 200}});
}

TEST(Health, WithoutAStoreNobodyIsKnownToBeSyncOrAsync) {
  NodeStatus status = a_standby();
  status.cluster.reset();
  expect_codes(status, {{"/replica", 200},
                        {"/sync", 503},
                        {"/async", 503},
                        {"/quorum", 503},
                        {"/read-only-sync", 503},
                        {"/read-only-quorum", 503},
                        {"/primary", 503}});
}

TEST(Health, OfAStandbyOutOfLoadBalancing) {
  NodeStatus status = a_standby();
  status.self.tags.noloadbalance = true;
  expect_codes(status, {{"/replica", 503}, {"/read-only", 503}, {"/async", 503}, {"/health", 200}});
}

TEST(Health, KnowsNoPathsThatMerelyLookAlike) {
  expect_codes(a_primary(), {{"/nonleader", 503}, {"/healthz", 503}, {"/primary/x", 503}});
  EXPECT_TRUE(is_health_path("/replica/"));
  EXPECT_FALSE(is_health_path("/replicas"));
}

TEST(Health, ReplicaMayNotLagMoreThanAsked) {
  NodeStatus status = a_standby();
  status.cluster->status.optime = Lsn{900 + 2048};
  expect_codes(status, {{"/replica?lag=2048", 200},
                        {"/replica?lag=2047", 503},
                        {"/replica?lag=2kB", 200},
                        {"/replica?lag=1kB", 503},
                        {"/replica?lag=1MB", 200},
                        {"/replica?lag=0x800", 200},
                        {"/replica?lag=04000", 200},
                        {"/replica?lag=0", 503},
                        {"/replica?lag=", 200},
                        {"/replica?lag=16mb", 400},
                        {"/replica?lag=plenty", 400},
                        {"/async?lag=1kB", 503},
                        {"/read-only?lag=1kB", 503},
                        {"/health?lag=0", 200}});
}

TEST(Health, LagIsMeasuredAgainstTheNewestThatIsKnown) {
  NodeStatus status = a_standby();
  status.instance.latest_end = Lsn{5000};
  EXPECT_EQ(code(status, "/replica?lag=1000"), 503);
  EXPECT_EQ(code(status, "/replica?lag=4100"), 200);
  status.instance.latest_end = Lsn{};
  status.cluster->status.optime = Lsn{};
  EXPECT_EQ(code(status, "/replica?lag=0"), 200);
}

TEST(Health, LagSaysNothingOnTheLeader) {
  EXPECT_EQ(code(a_primary(), "/primary?lag=0"), 200);
  EXPECT_EQ(code(a_primary(), "/read-only?lag=0"), 200);
}

TEST(Health, ReplicationStateIsMatchedExactly) {
  NodeStatus status = a_standby();
  expect_codes(status, {{"/replica?replication_state=streaming", 200},
                        {"/replica?replication_state=Streaming", 503},
                        {"/replica?replication_state=in%20archive%20recovery", 503}});
  status.instance.is_streaming = false;
  expect_codes(status, {{"/replica", 200}, {"/replica?replication_state=streaming", 503}});
  status.instance.has_restore_command = true;
  expect_codes(status, {{"/replica?replication_state=in+archive+recovery", 200}});
}

TEST(Health, TagsFilterByTheirTextForm) {
  const NodeStatus status =
      tagged(a_standby(), R"({"zone":"East","ssd":true,"weight":100,"load":1.4})");
  expect_codes(status, {{"/replica?tag_zone=East", 200},
                        {"/replica?tag_zone=east", 503},
                        {"/replica?tag_ssd=true", 200},
                        {"/replica?tag_ssd=True", 503},
                        {"/replica?tag_weight=100&tag_load=1.4", 200},
                        {"/replica?tag_weight=100&tag_load=2", 503},
                        {"/replica?tag_clonefrom=false", 503},
                        {"/health?tag_zone=West", 503},
                        {"/async?tag_zone=West", 503}});
}

TEST(Health, TagsFilterThePrimaryOnlyWhereItAnswersAsAReader) {
  const NodeStatus status = tagged(a_primary(), R"({"zone":"East"})");
  expect_codes(status, {{"/primary?tag_zone=West", 200},
                        {"/leader?tag_zone=West", 200},
                        {"/read-only?tag_zone=West", 503},
                        {"/read-only?tag_zone=East", 200}});
  EXPECT_EQ(code(a_primary(), "/read-only?tag_zone=East"), 503);
}

TEST(Liveness, HoldsWhileTheLoopTurns) {
  NodeStatus status = a_primary();
  EXPECT_EQ(liveness_code(status), 200);
  status.next_run = status.now - status.settings.ttl;
  EXPECT_EQ(liveness_code(status), 503);
  status.settings.paused = true;
  EXPECT_EQ(liveness_code(status), 200);
}

TEST(Liveness, GivesAStandbyTwiceTheTime) {
  NodeStatus status = a_standby();
  status.next_run = status.now - status.settings.ttl;
  EXPECT_EQ(liveness_code(status), 200);
  status.next_run = status.now - 2 * status.settings.ttl;
  EXPECT_EQ(liveness_code(status), 503);
}

TEST(Readiness, OfLeaderAndOfStandby) {
  EXPECT_EQ(readiness_code({}, a_primary()), 200);
  EXPECT_EQ(readiness_code({}, a_standby()), 200);
  NodeStatus cut_off = a_standby();
  cut_off.instance.is_streaming = false;
  EXPECT_EQ(readiness_code({}, cut_off), 503);
  NodeStatus silent = a_standby();
  silent.instance.in_recovery.reset();
  EXPECT_EQ(readiness_code({}, silent), 503);
}

TEST(Readiness, MeasuresLagByReplayOrByWrite) {
  NodeStatus status = a_standby();
  status.cluster->status.optime = Lsn{1100};
  const auto ready = [&](const std::string& target) {
    return readiness_code(parse_target(target).query, status);
  };
  EXPECT_EQ(ready("/readiness?lag=200"), 200);
  EXPECT_EQ(ready("/readiness?lag=199"), 503);
  EXPECT_EQ(ready("/readiness?lag=199&mode=apply"), 503);
  EXPECT_EQ(ready("/readiness?lag=199&mode=other"), 503);
  EXPECT_EQ(ready("/readiness?lag=100&mode=write"), 200);
  EXPECT_EQ(ready("/readiness?lag=99&mode=write"), 503);
  EXPECT_EQ(ready("/readiness?lag=nonsense"), 200);
  status.settings.maximum_lag_on_failover_bytes = 150;
  EXPECT_EQ(ready("/readiness"), 503);
}

TEST(Readiness, WithoutAnyPictureNeedsFailsafe) {
  NodeStatus status = a_standby();
  status.cluster.reset();
  EXPECT_EQ(readiness_code({}, status), 503);
  status.is_failsafe_active = true;
  EXPECT_EQ(readiness_code({}, status), 200);
}

}  // namespace
}  // namespace pgherd::test
