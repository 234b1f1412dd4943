// restart, reload, reinit, flush: what is asked of members.
#include "ctl/orders.h"

namespace pgherd::ctl::test {
namespace {

// What was printed below the table.
std::string below_table(const std::string& out) {
  const std::size_t last_rule = out.rfind("-+\n");
  return last_rule == out.npos ? out : out.substr(last_rule + 3);
}

using Requests = std::vector<std::string>;

class Restart : public Orders {};
class Reload : public Orders {};
class Reinit : public Orders {};
class Flush : public Orders {};
// `scope` is configured, so that the cluster's name may be left out.
class WithAScope : public Orders {
 protected:
  WithAScope() { context.scope = "orders"; }
};

TEST_F(WithAScope, TheFirstNameMayBeAMembers) {
  context.members.answers(200, "reinitialize started").answers(200, "").answers(202, "");
  EXPECT_EQ(below_table(context.run({"reinit", "db-b", "--force"}).out),
            "Success: reinitialize for member db-b\n");
  EXPECT_EQ(below_table(context.run({"restart", "db-c", "--force"}).out),
            "Success: restart on member db-c\n");
  EXPECT_EQ(context.run({"reload", "db-a", "--force"}).exit_code, 0);
  EXPECT_EQ(context.members.asked.back(), "POST http://10.1.0.11:8008/reload ");
  EXPECT_EQ(below_table(context.run({"flush", "db-b", "restart", "--force"}).out),
            "No scheduled restart for member db-b\n");
  EXPECT_EQ(context.run({"flush", "switchover"}).out, "No pending scheduled switchover\n");
}

TEST_F(WithAScope, AClustersNameIsStillAClusters) {
  Transaction transaction;  // another cluster, called as a member of ours
  transaction.writes.push_back(Put{.key = "/service/db-b/leader", .value = "x"});
  (void)context.memory.commit(transaction);
  EXPECT_EQ(context.run({"reinit", "db-b", "--force"}).err,
            "Error: db-b cluster doesn't have any members\n");
  EXPECT_EQ(context.run({"restart", "nowhere", "--force"}).err,
            "Error: nowhere cluster doesn't have any members\n");
  EXPECT_TRUE(context.members.asked.empty());
}

TEST_F(Restart, TellsHowEachMemberFared) {
  context.members.answers(200, "restarted successfully").answers(503, "restart failed");
  const Ran ran = context.run({"restart", "orders", "db-b", "db-a", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(below_table(ran.out),
            "Success: restart on member db-a\n"
            "Failed: restart for member db-b, status code=503, (restart failed)\n");
  EXPECT_EQ(context.members.asked, (Requests{"POST http://10.1.0.11:8008/restart {}",
                                             "POST http://10.1.0.12:8008/restart {}"}));
}

TEST_F(Restart, PassesFiltersOn) {
  context.members.answers(202, "Restart scheduled");
  Member waiting = a_standby("db-b", "10.1.0.12", kHere);
  waiting.pending_restart = true;
  context.put_member(waiting);
  const Ran ran = context.run({"restart", "orders", "-r", "replica", "--pending", "--pg-version",
                               "17.5", "--timeout", "2min", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(context.members.asked,
            (Requests{R"(POST http://10.1.0.12:8008/restart {"restart_pending":true,)"
                      R"("postgres_version":"17.5","role":"replica","timeout":"2min"})"}));
}

TEST_F(Restart, IsScheduledInThePlaceOfAnEarlierOne) {
  context.members.answers(200, "scheduled restart deleted").answers(202, "Restart scheduled");
  const Ran ran =
      context.run({"restart", "orders", "db-b", "--scheduled", "2026-08-02T03:00Z", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(below_table(ran.out), "Success: restart scheduled on member db-b\n");
  EXPECT_EQ(context.members.asked, (Requests{"DELETE http://10.1.0.12:8008/restart ",
                                             R"(POST http://10.1.0.12:8008/restart )"
                                             R"({"schedule":"2026-08-02T03:00:00+00:00"})"}));
}

TEST_F(Restart, ShowsTheScheduleAsPatronictlDoes) {
  context.members.answers(202, "Restart scheduled");
  const Ran ran = context.run({"restart", "orders", "db-b"}, "2 Aug 2026 3am +0200\ny\n\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("Are you sure you want to schedule restart of members db-b at "
                         "2026-08-02 03:00:00+02:00? [y/N]: "),
            std::string::npos)
      << ran.out;
  EXPECT_EQ(context.members.asked, (Requests{R"(POST http://10.1.0.12:8008/restart )"
                                             R"({"schedule":"2026-08-02T03:00:00+02:00"})"}));
}

TEST_F(Restart, AsksThePerson) {
  context.members.answers(200, "").answers(200, "");
  const Ran ran = context.run({"restart", "orders", "--role", "replica"}, "now\nyes\n\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("Are you sure you want to restart members db-b, db-c? [y/N]: "
                         "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2)  "
                         "[]: Success: restart on member db-b\n"),
            std::string::npos)
      << ran.out;
}

TEST_F(Restart, RefusesWrongNamesVersionsAndSchedulesInPause) {
  EXPECT_EQ(context.run({"restart", "orders", "db-b", "db-x", "--force"}).err,
            "Error: db-x is not a member of cluster orders\n");
  EXPECT_EQ(context.run({"restart", "orders", "db-a", "-r", "replica", "--force"}).err,
            "Error: No replica among provided members\n");
  EXPECT_EQ(context.run({"restart", "elsewhere", "--force"}).err,
            "Error: elsewhere cluster doesn't have any members\n");
  EXPECT_EQ(context.run({"restart", "orders", "--pg-version", "17", "--force"}).err,
            "Error: Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 17\n");
  EXPECT_EQ(context.run({"restart", "orders", "--pg-version", "9.x", "--force"}).err,
            "Error: Invalid PostgreSQL version: 9.x\n");
  EXPECT_EQ(context.run({"restart", "orders", "--pg-version", "9.6", "--force"}).err,
            "Error: Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 9.6\n");
  context.put("config", R"({"pause":true})");
  EXPECT_EQ(context.run({"restart", "orders", "--scheduled", "2026-08-02T03:00Z", "--force"}).err,
            "Error: Can't schedule restart in the paused state\n");
  EXPECT_TRUE(context.members.asked.empty());
}

TEST_F(Restart, OfAnyOneMemberRestartsOne) {
  context.members.answers(200, "").answers(200, "").answers(200, "");
  EXPECT_EQ(context.run({"restart", "orders", "--any", "--force"}).exit_code, 0);
  EXPECT_EQ(context.members.asked.size(), 1U);
}

TEST_F(Reload, TellsWhenItWillBeProcessed) {
  context.members.answers(202, "reload scheduled").answers(200, "").is_not_reached("refused");
  const Ran ran = context.run({"reload", "orders", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(below_table(ran.out),
            "Reload request received for member db-a and will be processed within 10 seconds\n"
            "No changes to apply on member db-b\n"
            "Failed: reload for member db-c: refused\n");
}

TEST_F(Reinit, WaitsUntilTheCopyBeganAndEnded) {
  context.members.answers(200, "reinitialize started")
      .answers(200, R"({"state":"running"})")
      .answers(503, R"({"state":"creating replica"})")
      .is_not_reached()
      .answers(200, R"({"state":"running"})");
  const Ran ran = context.run({"reinit", "orders", "db-b", "--force", "--from-leader", "--wait"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(below_table(ran.out),
            "Success: reinitialize for member db-b\n"
            "Waiting for reinitialize to complete on: db-b\n"
            "Reinitialize is completed on: db-b\n");
  EXPECT_EQ(context.members.asked.size(), 5U);
  EXPECT_EQ(context.members.asked[0],
            R"(POST http://10.1.0.12:8008/reinitialize {"force":true,"from_leader":true})");
  EXPECT_EQ(context.members.asked[4], "GET http://10.1.0.12:8008/patroni ");
}

TEST_F(Reinit, NeverTouchesTheLeaderNorAllByAccident) {
  EXPECT_EQ(context.run({"reinit", "orders", "db-a", "--force"}).err,
            "Error: No replica among provided members\n");
  EXPECT_EQ(context.run({"reinit", "orders", "--force"}).exit_code, 0);
  const Ran wrong = context.run({"reinit", "orders"}, "db-a\n");
  EXPECT_EQ(wrong.err, "Error: db-a is not a member of cluster\n");
  EXPECT_TRUE(context.members.asked.empty());
}

TEST_F(Reinit, CanCancelWhatTheMemberIsDoing) {
  context.members.answers(503, "bootstrap from leader 'db-a' already in progress")
      .answers(200, "reinitialize started");
  const Ran ran = context.run({"reinit", "orders"}, "db-b\ny\ny\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("Which member do you want to reinitialize [db-b, db-c]? []: "),
            std::string::npos);
  EXPECT_NE(ran.out.find("Do you want to cancel it and reinitialize anyway? [y/N]: Success"),
            std::string::npos);
  EXPECT_EQ(context.members.asked.back(),
            R"(POST http://10.1.0.12:8008/reinitialize {"force":true,"from_leader":false})");
}

TEST_F(Flush, DiscardsScheduledRestarts) {
  Member scheduled = a_standby("db-b", "10.1.0.12", kHere);
  scheduled.scheduled_restart = R"({"schedule":"2026-08-02T03:00:00+00:00"})";
  context.put_member(scheduled);
  context.members.answers(200, "scheduled restart deleted");
  const Ran ran = context.run({"flush", "orders", "db-b", "db-c", "restart", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(below_table(ran.out),
            "Success: flush scheduled restart for member db-b\n"
            "No scheduled restart for member db-c\n");
}

TEST_F(Flush, DiscardsAScheduledSwitchoverInTheStoreWhenNobodyAnswers) {
  const Ran idle = context.run({"flush", "orders", "switchover"});
  EXPECT_EQ(idle.out, "No pending scheduled switchover\n");
  EXPECT_EQ(idle.exit_code, 0) << "nothing has failed";
  context.put("failover", R"({"leader":"db-a","scheduled_at":"2026-08-02T03:00:00+00:00"})");
  const Ran ran = context.run({"flush", "orders", "switchover"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("Could not find any accessible member of cluster orders\n"),
            std::string::npos);
  EXPECT_EQ(context.value_of("failover"), "{}");
}

TEST_F(Flush, AsksMembersInTurnTheLeaderFirst) {
  context.put("failover", R"({"leader":"db-a","scheduled_at":"2026-08-02T03:00:00+00:00"})");
  context.members.answers(503, "busy").answers(200, "scheduled switchover deleted");
  const Ran ran = context.run({"flush", "orders", "switchover"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "Failed: member=db-a, status_code=503, (busy)\n"
            "Success: scheduled switchover deleted\n");
}

}  // namespace
}  // namespace pgherd::ctl::test
