#include "ctl/member_table.h"

#include <gtest/gtest.h>

#include "ctl/a_cluster.h"

namespace pgherd::ctl::test {
namespace {

constexpr Lsn kHere{0x102F0A118};

ClusterView orders() {
  Member archived = a_member("db-c", "10.1.0.13");
  archived.replication_state = "in archive recovery";
  archived.timeline = Timeline{6};
  archived.replay_lsn = Lsn{0x101C00000};
  AView made;
  made.with(a_leader("db-a", "10.1.0.11"))
      .with(tagged(a_standby("db-b", "10.1.0.12", kHere), R"({"clonefrom":true})"))
      .with(tagged(archived, R"({"nofailover":true,"zone":"b"})"))
      .led_by("db-a")
      .at(kHere)
      .with_settings({.synchronous_mode = SynchronousMode::Quorum});
  made.view().sync = SyncKey{.leader = "db-a", .quorum = 1, .standbys = {"DB-B"}};
  return made;
}

TEST(MemberTable, ListsAClusterAsTheSpecificationDrawsIt) {
  EXPECT_EQ(
      cluster_text("orders", orders(), {}),
      R"(+ Cluster: orders (7412345678901234567) --------------------+----+-------------+-----+------------+-----+------------------+
| Member | Host      | Role           | State               | TL | Receive LSN | Lag | Replay LSN | Lag | Tags             |
+--------+-----------+----------------+---------------------+----+-------------+-----+------------+-----+------------------+
| db-a   | 10.1.0.11 | Leader         | running             |  7 |             |     |            |     |                  |
+--------+-----------+----------------+---------------------+----+-------------+-----+------------+-----+------------------+
| db-b   | 10.1.0.12 | Quorum Standby | streaming           |  7 |   1/2F0A118 |   0 |  1/2F0A118 |   0 | clonefrom: true  |
+--------+-----------+----------------+---------------------+----+-------------+-----+------------+-----+------------------+
| db-c   | 10.1.0.13 | Replica        | in archive recovery |  6 |     unknown |     |  1/1C00000 |  19 | nofailover: true |
|        |           |                |                     |    |             |     |            |     | zone: b          |
+--------+-----------+----------------+---------------------+----+-------------+-----+------------+-----+------------------+
)");
}

TEST(MemberTable, ListsAClusterAsPatroni40Does) {
  EXPECT_EQ(
      cluster_text("orders", orders(), {.style = TableStyle::Classic}),
      R"(+ Cluster: orders (7412345678901234567) --------------------+----+-----------+------------------+
| Member | Host      | Role           | State               | TL | Lag in MB | Tags             |
+--------+-----------+----------------+---------------------+----+-----------+------------------+
| db-a   | 10.1.0.11 | Leader         | running             |  7 |           |                  |
+--------+-----------+----------------+---------------------+----+-----------+------------------+
| db-b   | 10.1.0.12 | Quorum Standby | streaming           |  7 |         0 | clonefrom: true  |
+--------+-----------+----------------+---------------------+----+-----------+------------------+
| db-c   | 10.1.0.13 | Replica        | in archive recovery |  6 |        19 | nofailover: true |
|        |           |                |                     |    |           | zone: b          |
+--------+-----------+----------------+---------------------+----+-----------+------------------+
)");
  ClusterView view = orders();
  view.members.erase("db-c");
  EXPECT_EQ(cluster_text("orders", view, {.format = Format::Json, .style = TableStyle::Classic}),
            R"([{"Cluster": "orders", "Member": "db-a", "Host": "10.1.0.11", "Role": "Leader", )"
            R"("State": "running", "TL": 7}, {"Cluster": "orders", "Member": "db-b", )"
            R"("Host": "10.1.0.12", "Role": "Quorum Standby", "State": "streaming", "TL": 7, )"
            R"("Lag in MB": 0, "Tags": {"clonefrom": true}}])"
            "\n");
}

TEST(MemberTable, SaysToPeopleHowFarACopyIs) {
  Member made = a_member("b", "10.0.0.2");
  made.state = MemberState::CreatingReplica;
  made.copy = CopyProgress{.from = "a", .copied_bytes = 10, .total_bytes = 100, .seconds = 5};
  AView view;
  view.with(a_leader("a", "10.0.0.1")).with(made).led_by("a").at(kHere);
  const std::string shown = cluster_text("c", view.view(), {});
  EXPECT_NE(shown.find("| creating replica (10 % of 100 bytes, 2 bytes/s, 45 s left) |"),
            std::string::npos)
      << shown;
  const std::string json = cluster_text("c", view.view(), {.format = Format::Json});
  EXPECT_NE(json.find(R"("State": "creating replica",)"), std::string::npos) << json;
}

TEST(MemberTable, SaysInTheClassicStyleWhenNoPositionIsKnown) {
  AView view;
  view.with(a_leader("a", "10.0.0.1")).with(a_member("b", "10.0.0.2")).led_by("a").at(kHere);
  EXPECT_EQ(member_table("m", view, {.style = TableStyle::Classic}).rows[1][5].text, "unknown");
}

TEST(MemberTable, GivesScriptsOneLineOfJsonWithoutEmptyColumns) {
  ClusterView view = orders();
  view.members.erase("db-c");
  EXPECT_EQ(cluster_text("orders", view, {.format = Format::Json}),
            R"([{"Cluster": "orders", "Member": "db-a", "Host": "10.1.0.11", "Role": "Leader", )"
            R"("State": "running", "TL": 7}, {"Cluster": "orders", "Member": "db-b", )"
            R"("Host": "10.1.0.12", "Role": "Quorum Standby", "State": "streaming", "TL": 7, )"
            R"("Receive LSN": "1/2F0A118", "Receive Lag": 0, "Replay LSN": "1/2F0A118", )"
            R"("Replay Lag": 0, "Tags": {"clonefrom": true}}])"
            "\n");
}

TEST(MemberTable, GivesTsvAndYaml) {
  const ClusterView view = orders();
  EXPECT_EQ(cluster_text("orders", view, {.format = Format::Tsv}),
            "Cluster\tMember\tHost\tRole\tState\tTL\tReceive LSN\tReceive Lag\tReplay LSN\tReplay "
            "Lag\tTags\n"
            "orders\tdb-a\t10.1.0.11\tLeader\trunning\t7\t\t\t\t\t\n"
            "orders\tdb-b\t10.1.0.12\tQuorum Standby\tstreaming\t7\t1/2F0A118\t0\t1/2F0A118\t0\t"
            "{clonefrom: true}\n"
            "orders\tdb-c\t10.1.0.13\tReplica\tin archive recovery\t6\tunknown\t\t1/1C00000\t19\t"
            "{nofailover: true, zone: b}\n");
  ClusterView one = view;
  one.members.erase("db-a");
  one.members.erase("db-b");
  EXPECT_EQ(cluster_text("orders", one, {.format = Format::Yaml}),
            "- Cluster: orders\n"
            "  Host: 10.1.0.13\n"
            "  Member: db-c\n"
            "  Receive LSN: unknown\n"
            "  Replay LSN: 1/1C00000\n"
            "  Replay Lag: 19\n"
            "  Role: Replica\n"
            "  State: in archive recovery\n"
            "  TL: 6\n"
            "  Tags:\n"
            "    nofailover: true\n"
            "    zone: b\n"
            "\n");
}

TEST(MemberTable, ShowsAnUnknownClusterAsEmptyAndUninitialized) {
  EXPECT_EQ(cluster_text("nowhere", ClusterView{}, {}),
            "+ Cluster: nowhere (uninitialized) -+-------------+-----+------------+-----+\n"
            "| Member | Host | Role | State | TL | Receive LSN | Lag | Replay LSN | Lag |\n"
            "+--------+------+------+-------+----+-------------+-----+------------+-----+\n"
            "+--------+------+------+-------+----+-------------+-----+------------+-----+\n");
}

TEST(MemberTable, SaysThatAClusterIsBeingInitialized) {
  ClusterView view;
  view.initialize = InitializeKey{};
  EXPECT_EQ(member_table("new", view, {}).title, " Cluster: new (initializing) ");
}

TEST(MemberTable, ShowsPortsOfAllWhenOneIsUnusualOrAHostIsShared) {
  AView unusual;
  unusual.with(a_leader("a", "10.0.0.1")).with(a_member("b", "10.0.0.2:5433")).led_by("a");
  EXPECT_EQ(member_table("m", unusual, {}).rows[0][1].text, "10.0.0.1:5432");
  AView shared;
  shared.with(a_leader("a", "10.0.0.1")).with(a_member("b", "10.0.0.1")).led_by("a");
  EXPECT_EQ(member_table("m", shared, {}).rows[1][1].text, "10.0.0.1:5432");
  AView usual;
  usual.with(a_leader("a", "10.0.0.1")).with(a_member("b", "10.0.0.2")).led_by("a");
  EXPECT_EQ(member_table("m", usual, {}).rows[1][1].text, "10.0.0.2");
}

TEST(MemberTable, ReadsTheOnlyPositionOfAnOldMemberByItsState) {
  Member streaming = a_member("b", "10.0.0.2");
  streaming.replication_state = "streaming";
  streaming.xlog_location = kHere;
  Member replaying = a_member("c", "10.0.0.3");
  replaying.xlog_location = kHere;
  AView view;
  view.with(streaming).with(replaying).at(kHere);
  const Table table = member_table("m", view, {});
  EXPECT_EQ(table.rows[0][5].text, "1/2F0A118");
  EXPECT_EQ(table.rows[0][7].text, "unknown");
  EXPECT_EQ(table.rows[1][5].text, "unknown");
  EXPECT_EQ(table.rows[1][7].text, "1/2F0A118");
}

TEST(MemberTable, ShowsPendingAndScheduledRestarts) {
  Member waiting = a_standby("db-b", "10.1.0.12", kHere);
  waiting.pending_restart = true;
  waiting.pending_restart_reason["max_connections"] = {"100", "200"};
  waiting.pending_restart_reason["wal_level"] = {std::string(60, 'x'), "logical"};
  waiting.scheduled_restart =
      R"({"schedule":"2026-08-01T03:00:00+00:00","postgres_version":"17.5"})";
  AView view;
  view.with(a_leader("db-a", "10.1.0.11")).with(waiting).led_by("db-a").at(kHere);
  const Table table = member_table("m", view, {});
  ASSERT_EQ(table.columns.size(), 12U);
  EXPECT_EQ(table.columns[9].name, "Pending restart");
  EXPECT_EQ(table.rows[1][9].text, "*");
  EXPECT_EQ(table.rows[1][10].text, "max_connections: 100->200\nwal_level: [hidden - too long]");
  EXPECT_EQ(table.rows[1][11].text, "2026-08-01T03:00:00+00:00 if version < 17.5");
  const Table raw = member_table("m", view, {.format = Format::Tsv});
  EXPECT_NE(raw.rows[1][11].text.find("xxxx->logical"), std::string::npos);
}

TEST(MemberTable, ShowsEveryColumnWhenAskedForAll) {
  AView view;
  view.with(a_leader("db-a", "10.1.0.11")).led_by("db-a");
  const Table table = member_table("m", view, {.is_extended = true});
  EXPECT_EQ(table.columns.back().name, "Tags");
  EXPECT_EQ(table.columns.size(), 13U);
}

TEST(MemberTable, NamesTheRolesOfAStandbyCluster) {
  AView view;
  view.with(a_leader("a", "10.0.0.1"))
      .with(a_member("b", "10.0.0.2"))
      .led_by("a")
      .with_settings({.synchronous_mode = SynchronousMode::On,
                      .standby_cluster = StandbyClusterSettings{.host = "elsewhere"}});
  view.view().members["a"].replication_state = "streaming";
  view.view().sync = SyncKey{.leader = "a", .standbys = {"b"}};
  const Table table = member_table("m", view, {});
  EXPECT_EQ(table.rows[0][2].text, "Standby Leader");
  EXPECT_EQ(table.rows[0][3].text, "streaming");
  EXPECT_EQ(table.rows[1][2].text, "Replica");
}

TEST(MemberTable, SaysBelowThatItIsPausedAndWhatIsScheduled) {
  AView view;
  view.with(a_leader("db-a", "10.1.0.11")).led_by("db-a").with_settings({.paused = true});
  view.view().failover = FailoverRequest{.leader = "db-a",
                                         .candidate = "db-b",
                                         .scheduled_at = WallTime{1796012100000000},
                                         .scheduled_east = 120min};
  EXPECT_EQ(cluster_footer(view),
            " Maintenance mode: on\n"
            " Switchover scheduled at: 2026-11-30T06:15:00+02:00\n"
            "                    from: db-a\n"
            "                      to: db-b\n");
}

TEST(Lag, IsRoundedToWholeMegabytesAHalfGoingToTheEvenSide) {
  EXPECT_EQ(lag_megabytes(0), 0U);
  EXPECT_EQ(lag_megabytes(524287), 0U);
  EXPECT_EQ(lag_megabytes(524288), 0U);
  EXPECT_EQ(lag_megabytes(524289), 1U);
  EXPECT_EQ(lag_megabytes(1048576 + 524288), 2U);
  EXPECT_EQ(lag_megabytes(2 * 1048576 + 524288), 2U);
}

Member following(Member member, const std::string& source) {
  member.tags.replicatefrom = source;
  return member;
}

TEST(Topology, IsATreeBelowTheLeader) {
  AView view;
  view.with(a_member("a", "10.0.0.1"))
      .with(a_leader("b", "10.0.0.2"))
      .with(following(a_member("c", "10.0.0.3"), "d"))
      .with(following(a_member("d", "10.0.0.4"), "a"))
      .with(following(a_member("e", "10.0.0.5"), "b"))
      .with(following(a_member("f", "10.0.0.6"), "gone"))
      .led_by("b");
  EXPECT_EQ(topology_order(view),
            (std::vector<TreeRow>{
                {"b", ""}, {"a", "+ "}, {"d", "  + "}, {"c", "    + "}, {"e", "+ "}, {"f", "+ "}}));
}

TEST(Topology, HangsAllOnNothingWithoutALeaderAndLosesNobodyInACircle) {
  AView view;
  view.with(a_member("a", "10.0.0.1"))
      .with(following(a_member("b", "10.0.0.2"), "c"))
      .with(following(a_member("c", "10.0.0.3"), "b"));
  EXPECT_EQ(topology_order(view), (std::vector<TreeRow>{{"a", "+ "}, {"b", "+ "}, {"c", "  + "}}));
}

TEST(Topology, KeepsTagsOnOneLine) {
  EXPECT_EQ(
      cluster_text("orders", orders(), {.layout = MemberLayout::Topology}),
      R"(+ Cluster: orders (7412345678901234567) --------------------+----+-------------+-----+------------+-----+-----------------------------+
| Member | Host      | Role           | State               | TL | Receive LSN | Lag | Replay LSN | Lag | Tags                        |
+--------+-----------+----------------+---------------------+----+-------------+-----+------------+-----+-----------------------------+
| db-a   | 10.1.0.11 | Leader         | running             |  7 |             |     |            |     |                             |
| + db-b | 10.1.0.12 | Quorum Standby | streaming           |  7 |   1/2F0A118 |   0 |  1/2F0A118 |   0 | {clonefrom: true}           |
| + db-c | 10.1.0.13 | Replica        | in archive recovery |  6 |     unknown |     |  1/1C00000 |  19 | {nofailover: true, zone: b} |
+--------+-----------+----------------+---------------------+----+-------------+-----+------------+-----+-----------------------------+
)");
}

}  // namespace
}  // namespace pgherd::ctl::test
