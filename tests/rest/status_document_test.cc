#include "rest/status_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "rest/a_node.h"
#include "rest/json_text.h"

namespace pgherd::test {
namespace {

std::string text_of(const NodeStatus& status) {
  return spaced_text(status_document(status));
}

TEST(StatusDocument, OfAPrimaryNamesItsPositionAndWhoStreamsFromIt) {
  NodeStatus status = a_primary();
  WalSenderView sender;
  sender.user = "replicator";
  sender.application_name = "b";
  sender.client_address = "10.0.0.2";
  sender.state = "streaming";
  sender.sync_state = "async";
  status.instance.wal_senders.push_back(sender);
  EXPECT_EQ(text_of(status),
            R"({"state": "running", "postmaster_start_time": "2026-07-24 10:11:12.500000+00:00", )"
            R"("role": "primary", "server_version": 170004, "xlog": {"location": 1000}, )"
            R"("timeline": 7, "replication": [{"usename": "replicator", "application_name": "b", )"
            R"("client_addr": "10.0.0.2", "state": "streaming", "sync_state": "async", )"
            R"("sync_priority": 0}], "dcs_last_seen": 1785000000, )"
            R"("database_system_identifier": "7391442209411208193", )"
            R"("patroni": {"version": "4.1.4", "scope": "main", "name": "a"}})");
}

TEST(StatusDocument, OfAStandbyNamesWhatItReceivedAndReplayed) {
  EXPECT_EQ(text_of(a_standby()),
            R"({"state": "running", "postmaster_start_time": "2026-07-24 10:11:12.500000+00:00", )"
            R"("role": "replica", "server_version": 170004, "xlog": {"received_location": 1000, )"
            R"("replayed_location": 900, "replayed_timestamp": "2026-07-24 10:12:00+00:00", )"
            R"("paused": false}, "timeline": 7, "replication_state": "streaming", )"
            R"("dcs_last_seen": 1785000000, )"
            R"("database_system_identifier": "7391442209411208193", )"
            R"("patroni": {"version": "4.1.4", "scope": "main", "name": "b"}})");
}

TEST(StatusDocument, OfASilentPostgresSaysUnknownAndShowsNoPositions) {
  NodeStatus status = a_standby();
  status.instance.in_recovery.reset();
  EXPECT_EQ(text_of(status),
            R"({"state": "unknown", "role": "replica", "dcs_last_seen": 1785000000, )"
            R"("database_system_identifier": "7391442209411208193", )"
            R"("patroni": {"version": "4.1.4", "scope": "main", "name": "b"}})");
}

TEST(StatusDocument, OfAStoppedPostgresKeepsItsStateAndTheAgentsRole) {
  NodeStatus status = a_primary();
  status.state = MemberState::Stopped;
  status.role = MemberRole::Demoted;
  status.instance.process = ProcessState::Stopped;
  const auto document = status_document(status);
  EXPECT_EQ(document["state"], "stopped");
  EXPECT_EQ(document["role"], "demoted");
  EXPECT_FALSE(document.contains("xlog"));
}

TEST(StatusDocument, ShowsEveryOptionalKeyInItsPlaceWhenItApplies) {
  NodeStatus status = synchronous(tagged(a_standby(), R"({"zone":"x","nosync":false})"),
                                  SynchronousMode::On, "B");  // case does not matter here
  status.settings.paused = true;
  status.cluster->leader.reset();
  status.is_failsafe_active = true;
  status.watchdog_failed = true;
  status.failed_promotions = 2;
  status.instance.diverged = DivergedWal{.timeline = Timeline{6}, .from = Lsn{0x500}};
  status.instance.pending_restart["max_connections"] = {.old_value = "100", .new_value = "200"};
  status.scheduled_restart =
      R"({"schedule":"2026-08-01T03:00:00+00:00","postmaster_start_time":"x"})";
  std::vector<std::string> keys;
  const auto document = status_document(status);
  for (const auto& item : document.items())
    keys.push_back(item.key());
  const std::vector<std::string> expected = {"state",
                                             "postmaster_start_time",
                                             "role",
                                             "server_version",
                                             "xlog",
                                             "sync_standby",
                                             "timeline",
                                             "replication_state",
                                             "pause",
                                             "cluster_unlocked",
                                             "failsafe_mode_is_active",
                                             "dcs_last_seen",
                                             "tags",
                                             "database_system_identifier",
                                             "pending_restart",
                                             "pending_restart_reason",
                                             "diverged_wal",
                                             "patroni",
                                             "scheduled_restart",
                                             "watchdog_failed",
                                             "failed_promotions"};
  EXPECT_EQ(keys, expected);
  EXPECT_EQ(document["scheduled_restart"].dump(), R"({"schedule":"2026-08-01T03:00:00+00:00"})");
  EXPECT_EQ(document["tags"].dump(), R"({"zone":"x","nosync":false})");
}

TEST(StatusDocument, TellsWhatIsHereOnlyAndWhereItIsKept) {
  NodeStatus status = a_standby();
  status.instance.diverged =
      DivergedWal{.timeline = Timeline{6}, .from = Lsn{}, .counted = {}, .kept_in = {}};
  EXPECT_EQ(status_document(status)["diverged_wal"].dump(), R"({"timeline":6})");
  status.instance.diverged->from = Lsn{0xA000000};  // of a page, whose header is no record
  status.instance.diverged->counted = LostWal{
      .from = Lsn{0xA000348}, .to = Lsn{0xA031A70}, .records = 1874, .commits = 617, .aborts = 2};
  status.instance.diverged->kept_in = "/data.diverged/b";
  EXPECT_EQ(status_document(status)["diverged_wal"].dump(),
            R"({"timeline":6,"from":"0/A000348","to":"0/A031A70","records":1874,"commits":617,)"
            R"("aborts":2,"kept_in":"/data.diverged/b"})");
}

TEST(StatusDocument, TellsOfALogThatCannotFollow) {
  NodeStatus status = a_primary();
  status.log_lines_waiting = 2;
  EXPECT_FALSE(status_document(status).contains("logger_queue_size"));
  EXPECT_FALSE(status_document(status).contains("logger_records_lost"));
  status.log_lines_waiting = 3;
  status.log_lines_lost = 7;
  EXPECT_EQ(status_document(status)["logger_queue_size"], 3);
  EXPECT_EQ(status_document(status)["logger_records_lost"], 7);
}

TEST(StatusDocument, CallsAStandbyQuorumOrSyncByTheMode) {
  const auto quorum = status_document(synchronous(a_standby(), SynchronousMode::Quorum, "b"));
  EXPECT_TRUE(quorum.contains("quorum_standby"));
  EXPECT_FALSE(quorum.contains("sync_standby"));
  const auto other = status_document(synchronous(a_standby(), SynchronousMode::On, "c"));
  EXPECT_FALSE(other.contains("sync_standby"));
}

TEST(StatusDocument, OfAStandbyClusterShowsTheAgentsRole) {
  EXPECT_EQ(status_document(a_standby_leader())["role"], "standby_leader");
}

TEST(StatusDocument, WithoutACachedClusterIsUnlocked) {
  NodeStatus status = a_primary();
  status.cluster.reset();
  EXPECT_TRUE(status_document(status).contains("cluster_unlocked"));
}

TEST(StatusDocument, AnswersForNamesThatAreNoUtf8) {
  NodeStatus status = a_primary();
  status.self.name = "n\xff";
  EXPECT_NE(text_of(status).find("\"name\": \"n\\ufffd\""), std::string::npos);
}

TEST(SpelledOutTimestamp, CompletesFractionAndOffset) {
  EXPECT_EQ(spelled_out_timestamp("2026-07-24 10:11:12+02"), "2026-07-24 10:11:12+02:00");
  EXPECT_EQ(spelled_out_timestamp("2026-07-24 10:11:12.25-03:30"),
            "2026-07-24 10:11:12.250000-03:30");
  EXPECT_EQ(spelled_out_timestamp(""), "");
  EXPECT_EQ(spelled_out_timestamp("infinity"), "infinity");
}

}  // namespace
}  // namespace pgherd::test
