#include "rest/cluster_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "rest/a_node.h"
#include "rest/json_text.h"

namespace pgherd::test {
namespace {

TEST(ClusterDocument, ListsMembersWithWhatTheyPublish) {
  ClusterView cluster = a_cluster();
  cluster.members["b"].tags.published = R"({"clonefrom":true})";
  cluster.members["b"].pending_restart = true;
  cluster.members["b"].pending_restart_reason["max_connections"] = {.old_value = "1",
                                                                    .new_value = "2"};
  cluster.members["b"].conn_url = "postgres://[::1]:6543/postgres";
  EXPECT_EQ(
      spaced_text(cluster_document(cluster, "main")),
      R"({"members": [{"name": "a", "role": "leader", "state": "running", )"
      R"("api_url": "http://127.0.0.1:1/patroni", "host": "10.0.0.1", "port": 5432, )"
      R"("timeline": 7}, {"name": "b", "role": "replica", "state": "streaming", )"
      R"("api_url": "http://127.0.0.1:1/patroni", "host": "::1", "port": 6543, "timeline": 7, )"
      R"("pending_restart": true, "pending_restart_reason": {"max_connections": )"
      R"({"old_value": "1", "new_value": "2"}}, "tags": {"clonefrom": true}, )"
      R"("receive_lag": 0, "receive_lsn": "0/3E8", "replay_lag": 100, "replay_lsn": "0/384", )"
      R"("lag": 0, "lsn": "0/3E8"}], "scope": "main"})");
}

TEST(ClusterDocument, SaysUnknownWhereNoPositionIsPublished) {
  ClusterView cluster = a_cluster();
  Member bare;
  bare.name = "c";
  cluster.members["c"] = bare;
  const auto row = cluster_document(cluster, "main")["members"][2];
  EXPECT_EQ(spaced_text(row),
            R"({"name": "c", "role": "replica", "state": "", "api_url": null, )"
            R"("receive_lag": "unknown", "receive_lsn": "unknown", "replay_lag": "unknown", )"
            R"("replay_lsn": "unknown", "lag": "unknown", "lsn": "unknown"})");
}

TEST(ClusterDocument, NamesSynchronousStandbysByMode) {
  const auto role_of_b = [](const NodeStatus& status) {
    return cluster_document(*status.cluster, "main")["members"][1]["role"].get<std::string>();
  };
  EXPECT_EQ(role_of_b(synchronous(a_primary(), SynchronousMode::On, "B")), "sync_standby");
  EXPECT_EQ(role_of_b(synchronous(a_primary(), SynchronousMode::Quorum, "b")), "quorum_standby");
  EXPECT_EQ(role_of_b(synchronous(a_primary(), SynchronousMode::Off, "b")), "replica");
}

TEST(ClusterDocument, OfAStandbyClusterShowsTheLeadersReplicationState) {
  ClusterView cluster = a_cluster();
  cluster.config->settings.standby_cluster = StandbyClusterSettings{};
  cluster.members["a"].replication_state = "in archive recovery";
  const auto row = cluster_document(cluster, "main")["members"][0];
  EXPECT_EQ(row["role"], "standby_leader");
  EXPECT_EQ(row["state"], "in archive recovery");
  EXPECT_FALSE(row.contains("lag"));
}

TEST(ClusterDocument, ShowsPauseAndAScheduledSwitchoverBeforeTheScope) {
  ClusterView cluster = a_cluster();
  cluster.config->settings.paused = true;
  FailoverRequest request;
  request.leader = "a";
  request.candidate = "b";
  request.scheduled_at = WallTime{1785000000000000};
  request.scheduled_east = std::chrono::minutes(120);
  cluster.failover = request;
  const std::string text = spaced_text(cluster_document(cluster, "main"));
  EXPECT_TRUE(text.ends_with(
      R"("pause": true, "scheduled_switchover": {"at": "2026-07-25T19:20:00+02:00", )"
      R"("from": "a", "to": "b"}, "scope": "main"})"))
      << text;
  cluster.failover->scheduled_at.reset();
  EXPECT_FALSE(cluster_document(cluster, "main").contains("scheduled_switchover"));
}

TEST(HistoryDocument, LeavesOffWhatIsUnknown) {
  ClusterView cluster = a_cluster();
  EXPECT_EQ(history_document(cluster).dump(), "[]");
  HistoryRow old;
  old.parent = Timeline{1};
  old.switched_at = Lsn{100};
  old.reason = "no recovery target specified";
  HistoryRow seen = old;
  seen.parent = Timeline{2};
  seen.timestamp = "2026-07-24T10:00:00+00:00";
  HistoryRow whole = seen;
  whole.new_leader = "b";
  cluster.history = {old, seen, whole};
  EXPECT_EQ(history_document(cluster).dump(),
            R"([[1,100,"no recovery target specified"],)"
            R"([2,100,"no recovery target specified","2026-07-24T10:00:00+00:00"],)"
            R"([2,100,"no recovery target specified","2026-07-24T10:00:00+00:00","b"]])");
}

}  // namespace
}  // namespace pgherd::test
