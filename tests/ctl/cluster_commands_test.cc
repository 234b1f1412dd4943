// list, pause, history, dsn, version, remove: commands about a whole cluster.
#include "ctl/errors.h"
#include "ctl/orders.h"

namespace pgherd::ctl::test {
namespace {

class ListCommand : public Orders {};
class Pause : public Orders {};
class Show : public Orders {};
class Remove : public Orders {};
class StandbyClusterCommands : public Orders {};

TEST_F(ListCommand, ReadsTheStore) {
  EXPECT_EQ(
      context.run({"list", "orders"}).out,
      R"(+ Cluster: orders (7412345678901234567) ---+----+-------------+-----+------------+-----+
| Member | Host      | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+-----------+---------+-----------+----+-------------+-----+------------+-----+
| db-a   | 10.1.0.11 | Leader  | running   |  7 |             |     |            |     |
| db-b   | 10.1.0.12 | Replica | streaming |  7 |   1/2F0A118 |   0 |  1/2F0A118 |   0 |
| db-c   | 10.1.0.13 | Replica | streaming |  7 |   1/2F0A118 |   0 |  1/2F0A118 |   0 |
+--------+-----------+---------+-----------+----+-------------+-----+------------+-----+
)");
}

TEST_F(ListCommand, TakesTheScopeOfTheConfiguration) {
  const Ran nothing = context.run({"list"});
  EXPECT_EQ(nothing.exit_code, 0);
  EXPECT_NE(nothing.err.find("Listing members: No cluster names were provided"), std::string::npos);
  context.scope = "orders";
  EXPECT_NE(context.run({"list", "-f", "tsv"}).out.find("orders\tdb-a\t"), std::string::npos);
  EXPECT_EQ(context.run({"list", "orders", "other", "-f", "json"}).out.find("[]"),
            context.run({"list", "orders", "-f", "json"}).out.size());
}

TEST_F(ListCommand, WatchesUntilItIsInterrupted) {
  struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error("interrupted") {}
  };
  context.clock.meanwhile = [&] {
    if (context.clock.now() >= Instant::from_nanoseconds(0) + 6s) throw Interrupted();
  };
  const Ran ran = context.run({"list", "orders", "-t", "-W", "-f", "tsv"});
  std::size_t turns = 0;
  for (std::size_t at = 0; (at = ran.out.find("Cluster\tMember", at)) != ran.out.npos; ++at) {
    ++turns;
  }
  EXPECT_EQ(turns, 3U) << ran.out;
}

TEST_F(Pause, GoesToTheLeaderAndThenToWhoeverAnswers) {
  context.members.is_not_reached().answers(200, "{}");
  const Ran ran = context.run({"pause", "orders"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Success: cluster management is paused\n");
  EXPECT_EQ(context.members.asked,
            (std::vector<std::string>{R"(PATCH http://10.1.0.11:8008/config {"pause":true})",
                                      R"(PATCH http://10.1.0.12:8008/config {"pause":true})"}));
}

TEST_F(Pause, IsAnErrorWhenItIsSoAlready) {
  EXPECT_EQ(context.run({"resume", "orders"}).err, "Error: Cluster is not paused\n");
  context.put("config", R"({"pause":true})");
  const Ran ran = context.run({"pause", "orders"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "Error: Cluster is already paused\n");
  context.members.answers(200, "{}");
  EXPECT_EQ(context.run({"resume", "orders"}).out, "Success: cluster management is resumed\n");
  EXPECT_EQ(context.members.asked.at(0), R"(PATCH http://10.1.0.11:8008/config {"pause":null})");
}

TEST_F(Pause, WaitsForAllMembers) {
  context.members.answers(200, "{}");
  context.clock.meanwhile = [&] {
    if (context.clock.now() < Instant::from_nanoseconds(0) + 3s) return;
    for (const char* name : {"db-a", "db-b", "db-c"}) {
      Member member = a_member(name, "10.1.0.11");
      member.pause = true;
      context.put_member(member);
    }
  };
  const Ran ran = context.run({"pause", "orders", "--wait"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "'pause' request sent, waiting until it is recognized by all nodes\n"
            "Success: cluster management is paused\n");
}

TEST_F(Pause, NamesThoseWhoDidNotNotice) {
  context.members.answers(200, "{}");
  const Ran ran = context.run({"pause", "orders", "--wait"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(ran.out.ends_with(
      "db-a, db-b, db-c members didn't recognized pause state after 10 seconds\n"))
      << ran.out;
}

TEST_F(Pause, NamesWhyNobodyCouldBeReached) {
  const Ran ran = context.run({"pause", "orders"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(ran.err.starts_with("Error: Can not find accessible cluster member\n  db-a: "))
      << ran.err;
}

TEST_F(Show, History) {
  context.put("history",
              R"([[1,83886432,"no recovery target specified","2026-07-30T10:11:12+00:00","db-b"],)"
              R"([2,83886500,"no recovery target specified"]])");
  EXPECT_EQ(
      context.run({"history", "orders"}).out,
      R"(+----+----------+------------------------------+---------------------------+------------+
| TL |      LSN | Reason                       | Timestamp                 | New Leader |
+----+----------+------------------------------+---------------------------+------------+
|  1 | 83886432 | no recovery target specified | 2026-07-30T10:11:12+00:00 | db-b       |
|  2 | 83886500 | no recovery target specified |                           |            |
+----+----------+------------------------------+---------------------------+------------+
)");
}

TEST_F(Show, WhereToConnect) {
  EXPECT_EQ(context.run({"dsn", "orders"}).out, "host=10.1.0.11 port=5432\n");
  EXPECT_EQ(context.run({"dsn", "orders", "-r", "replica"}).out, "host=10.1.0.12 port=5432\n");
  EXPECT_EQ(context.run({"dsn", "orders", "-m", "db-c"}).out, "host=10.1.0.13 port=5432\n");
  EXPECT_EQ(context.run({"dsn", "orders", "-m", "db-x"}).err,
            "Error: Can not find a suitable member\n");
  EXPECT_EQ(context.run({"dsn", "orders", "-m", "db-c", "-r", "any"}).err,
            "Error: --role and --member are mutually exclusive options\n");
  EXPECT_EQ(context.run({"dsn"}).exit_code, 1);
}

TEST_F(Show, Versions) {
  EXPECT_TRUE(context.run({"version"}).out.starts_with("pgherd ctl version "));
  context.members.answers(200, R"({"patroni":{"version":"4.1.4"},"server_version":170004})")
      .answers(503, R"({"patroni":{"version":"4.1.4"}})")
      .is_not_reached("connection refused");
  const Ran ran = context.run({"version", "orders"});
  EXPECT_EQ(ran.out.substr(ran.out.find('\n')),
            "\n\ndb-a: Patroni 4.1.4 PostgreSQL 17.4\n"
            "db-b: Patroni 4.1.4\n"
            "db-c: failed to get version: connection refused\n");
}

TEST_F(Remove, NeedsThreeRightAnswers) {
  EXPECT_EQ(context.run({"remove", "orders"}, "other\n").err,
            "Error: Cluster names specified do not match\n");
  EXPECT_EQ(context.run({"remove", "orders"}, "orders\nyes\n").err,
            "Error: You did not exactly type \"Yes I am aware\"\n");
  EXPECT_EQ(context.run({"remove", "orders"}, "orders\nYes I am aware\ndb-b\n").err,
            "Error: You did not specify the current leader of the cluster\n");
  EXPECT_EQ(context.value_of("leader"), "db-a");
  context.put("unknown/key", "x");
  for (int number = 0; number < 250; ++number)
    context.put("many/" + std::to_string(number), "x");
  const Ran ran = context.run({"remove", "orders"}, "orders\nYes I am aware\ndb-a\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(context.memory.entries().empty());
}

TEST_F(StandbyClusterCommands, DemoteAndWaitUntilTheLeaderFollows) {
  context.members.answers(200, "{}");
  context.members.on_call = [&](const ApiRequest&) {
    Member leader = a_leader("db-a", "10.1.0.11");
    leader.role = MemberRole::StandbyLeader;
    leader.state = MemberState::Starting;
    context.put_member(leader);
  };
  context.clock.meanwhile = [&] {
    if (context.clock.now() < Instant::from_nanoseconds(0) + 3s) return;
    Member leader = a_leader("db-a", "10.1.0.11");
    leader.role = MemberRole::StandbyLeader;
    context.put_member(leader);
  };
  const Ran ran = context.run({"demote-cluster", "orders", "--host", "far", "--port", "5433",
                               "--primary-slot-name", "here", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(
      context.members.asked,
      (std::vector<std::string>{
          R"(PATCH http://10.1.0.11:8008/config {"standby_cluster":{"host":"far","port":5433,"primary_slot_name":"here"}})"}));
  EXPECT_NE(ran.out.find("cluster is unlocked: False, leader role: standby_leader, leader state: "
                         "starting\n"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("cluster is successfully demoted\n"), std::string::npos);
}

TEST_F(StandbyClusterCommands, PromoteARemovedSection) {
  Member leader = a_leader("db-a", "10.1.0.11");
  leader.role = MemberRole::StandbyLeader;
  context.put_member(leader);
  context.members.answers(200, "{}");
  context.members.on_call = [&](const ApiRequest&) {
    context.put_member(a_leader("db-a", "10.1.0.11"));
  };
  const Ran ran = context.run({"promote-cluster", "orders"}, "y\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(
      context.members.asked,
      (std::vector<std::string>{R"(PATCH http://10.1.0.11:8008/config {"standby_cluster":null})"}));
  EXPECT_NE(ran.out.find("cluster is successfully promoted\n"), std::string::npos) << ran.out;
}

TEST_F(StandbyClusterCommands, RefuseWhatMakesNoSense) {
  EXPECT_NE(context.run({"demote-cluster", "orders", "--force"})
                .err.find("At least --host, --port or --restore-command should be specified"),
            std::string::npos);
  EXPECT_NE(context.run({"promote-cluster", "orders", "--force"})
                .err.find("Cluster is already in the required state"),
            std::string::npos);
  const Ran no = context.run({"demote-cluster", "orders", "--host", "far"}, "n\n");
  EXPECT_EQ(no.exit_code, 1);
  EXPECT_NE(no.err.find("Aborted cluster demotion"), std::string::npos);
  EXPECT_EQ(context.run({"demote-cluster", "orders", "--port", "70000"}).exit_code, 2);
  EXPECT_TRUE(context.members.asked.empty());
  context.members.answers(500, "no");
  const Ran failed = context.run({"demote-cluster", "orders", "--host", "far", "--force"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_NE(failed.err.find("Failed to demote orders cluster: /config PATCH status code=500, (no)"),
            std::string::npos)
      << failed.err;
}

}  // namespace
}  // namespace pgherd::ctl::test
