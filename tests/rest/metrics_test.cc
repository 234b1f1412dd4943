#include "rest/metrics.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "rest/a_node.h"

namespace pgherd::test {
namespace {

std::vector<std::string> samples(const NodeStatus& status) {
  std::istringstream text(metrics_text(status));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    const std::size_t brace = line.find('{');
    if (line.starts_with("patroni_") && brace != std::string::npos) {
      lines.push_back(line.substr(8, brace - 8) + line.substr(line.find("} ") + 1));
    }
  }
  return lines;
}

TEST(Metrics, OfAPrimaryInPatronisOrder) {
  const std::vector<std::string> expected = {"version 040104",
                                             "postgres_running 1",
                                             "postmaster_start_time 1784887872.500000",
                                             "primary 1",
                                             "xlog_location 1000",
                                             "standby_leader 0",
                                             "replica 0",
                                             "sync_standby 0",
                                             "quorum_standby 0",
                                             "xlog_received_location 0",
                                             "xlog_replayed_location 0",
                                             "xlog_replayed_timestamp 0",
                                             "xlog_paused 0",
                                             "postgres_streaming 0",
                                             "postgres_in_archive_recovery 0",
                                             "postgres_server_version 170004",
                                             "cluster_unlocked 0",
                                             "failsafe_mode_is_active 0",
                                             "failsafe_mode_enabled 0",
                                             "failsafe_member 0",
                                             "postgres_timeline 7",
                                             "dcs_last_seen 1785000000",
                                             "pending_restart 0",
                                             "is_paused 0",
                                             "postgres_state 5",
                                             "failover_priority 1"};
  EXPECT_EQ(samples(a_primary()), expected);
}

TEST(Metrics, HaveHelpTypeLabelsAndOneSampleEach) {
  const std::string text = metrics_text(a_primary());
  EXPECT_NE(text.find("# TYPE patroni_primary gauge\n"
                      "patroni_primary{scope=\"main\",name=\"a\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("# TYPE patroni_xlog_location counter\n"), std::string::npos);
  EXPECT_NE(text.find("# HELP patroni_postgres_state State of PostgreSQL by number.\n"
                      "# States: 0=initializing new cluster, 1=initdb failed, "),
            std::string::npos);
  EXPECT_NE(text.find("pgherd_leads{scope=\"main\",name=\"a\"} 1\n"), std::string::npos);
}

TEST(Metrics, OfAStandbyTellItsPositions) {
  const std::string text = metrics_text(a_standby());
  EXPECT_NE(text.find("patroni_xlog_replayed_location{scope=\"main\",name=\"b\"} 900\n"),
            std::string::npos);
  EXPECT_NE(text.find("patroni_postgres_streaming{scope=\"main\",name=\"b\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("pgherd_replay_lag_bytes{scope=\"main\",name=\"b\"} 100\n"),
            std::string::npos);
  NodeStatus held = a_standby();
  held.instance.slots = {{.name = "c", .restart_lsn = Lsn{300}}, {.name = "d"}};
  EXPECT_NE(metrics_text(held).find("pgherd_slots_wal_bytes{scope=\"main\",name=\"b\"} 600\n"),
            std::string::npos);
}

TEST(Metrics, QuoteWhatWouldEndALabel) {
  NodeStatus status = a_standby();
  status.scope = "ma\"in\\\n";
  EXPECT_NE(metrics_text(status).find(R"(pgherd_leads{scope="ma\"in\\\n",name="b"} 0)"),
            std::string::npos);
}

TEST(Metrics, OfASilentPostgresLeaveOutWhatDependsOnItsVersion) {
  NodeStatus status = a_standby();
  status.instance.in_recovery.reset();
  const std::string text = metrics_text(status);
  EXPECT_EQ(text.find("patroni_postgres_streaming{"), std::string::npos);
  EXPECT_NE(text.find("patroni_postgres_state{scope=\"main\",name=\"b\"} -1\n"), std::string::npos);
  EXPECT_NE(text.find("patroni_postgres_server_version{scope=\"main\",name=\"b\"} 0\n"),
            std::string::npos);
}

TEST(Metrics, EscapeLabels) {
  NodeStatus status = a_primary();
  status.scope = "a\"b\\c\nd";
  EXPECT_NE(metrics_text(status).find(R"({scope="a\"b\\c\nd",)"), std::string::npos);
}

TEST(Metrics, EndWithWhatTheDaemonAdds) {
  NodeStatus status = a_primary();
  status.more_metrics = "pgherd_more 1\n";
  EXPECT_TRUE(metrics_text(status).ends_with("pgherd_more 1\n"));
}

}  // namespace
}  // namespace pgherd::test
