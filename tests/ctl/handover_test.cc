#include "ctl/orders.h"

namespace pgherd::ctl::test {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

class Switchover : public Orders {};
class Failover : public Orders {};

TEST_F(Switchover, AsksTheLeaderAndShowsTheClusterBeforeAndAfter) {
  context.members.answers(200, "Successfully switched over to \"db-b\"");
  context.members.on_call = [&](const ApiRequest&) { context.put("leader", "db-b"); };
  const Ran ran =
      context.run({"switchover", "orders", "--leader", "db-a", "--candidate", "db-b", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(context.members.asked,
            (std::vector<std::string>{R"(POST http://10.1.0.11:8008/switchover )"
                                      R"({"candidate":"db-b","leader":"db-a"})"}));
  EXPECT_TRUE(has(ran.out, "Current cluster topology\n+ Cluster: orders")) << ran.out;
  EXPECT_TRUE(has(ran.out, "00000 Successfully switched over to \"db-b\"\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "| db-b   | 10.1.0.12 | Leader ")) << ran.out;
}

TEST_F(Switchover, AsksThePersonForEverythingThatWasNotSaid) {
  context.members.answers(200, "done");
  const Ran ran = context.run({"switchover", "orders"}, "\ndb-c\n\ny\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "Primary [db-a]: ")) << ran.out;
  EXPECT_TRUE(has(ran.out, "Candidate ['db-b', 'db-c'] []: ")) << ran.out;
  EXPECT_TRUE(has(ran.out, "When should the switchover take place (e.g. 2026-08-01T")) << ran.out;
  EXPECT_TRUE(has(ran.out,
                  "Are you sure you want to switchover cluster orders, demoting current "
                  "leader db-a? [y/N]: "))
      << ran.out;
}

TEST_F(Switchover, DoesNothingWhenThePersonSaysNoOrLeaves) {
  const Ran no = context.run({"switchover", "orders"}, "\n\n\nn\n");
  EXPECT_EQ(no.exit_code, 1);
  EXPECT_EQ(no.err, "Error: Aborting switchover\n");
  const Ran gone = context.run({"switchover", "orders"}, "\n");
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_EQ(gone.err, "Aborted!\n");
  EXPECT_TRUE(context.members.asked.empty());
}

TEST_F(Switchover, IsScheduledWithAZone) {
  context.members.answers(202, "Switchover scheduled");
  const Ran ran =
      context.run({"switchover", "--scheduled", "2026-08-02 03:00:00+02:00", "--force", "orders"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(has(context.members.asked.at(0), R"("scheduled_at":"2026-08-02T03:00:00+02:00")"));
}

TEST_F(Switchover, KeepsItsZoneInTheStoreToo) {
  context.members.is_not_reached();
  const Ran ran =
      context.run({"switchover", "--scheduled", "2026-08-02 03:00+02:00", "--force", "orders"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(context.value_of("failover"),
            R"({"leader":"db-a","scheduled_at":"2026-08-02T03:00:00+02:00"})");
  EXPECT_TRUE(has(ran.out, " Switchover scheduled at: 2026-08-02T03:00:00+02:00\n")) << ran.out;
}

TEST_F(Switchover, CannotBeScheduledInPauseOrAtAnUnreadableTime) {
  const Ran unreadable =
      context.run({"switchover", "orders", "--scheduled", "tomorrow", "--force"});
  EXPECT_EQ(unreadable.exit_code, 1);
  EXPECT_EQ(unreadable.err,
            "Error: Unable to parse scheduled timestamp (tomorrow). It should be in an unambiguous "
            "format (e.g. ISO 8601)\n"
            "Understood are: 2027-08-01T03:00, 20270801T0300, 2027/08/01 03:00, 1 Aug 2027 3:00 "
            "pm, 03:00 (today), each with Z, UTC or +02:00 behind it; without a zone it is local "
            "time.\n");
  context.put("config", R"({"pause":true})");
  const Ran paused =
      context.run({"switchover", "orders", "--scheduled", "2026-08-02T03:00Z", "--force"});
  EXPECT_EQ(paused.exit_code, 1);
  EXPECT_EQ(paused.err, "Error: Can't schedule switchover in the paused state\n");
}

TEST_F(Switchover, SaysWhatIsWrongWithTheNames) {
  const auto error_of = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"switchover", "orders", "--force"});
    const Ran ran = context.run(words);
    EXPECT_EQ(ran.exit_code, 1);
    return ran.err;
  };
  EXPECT_EQ(error_of({"--primary", "db-b"}),
            "Error: Member db-b is not the leader of cluster orders\n");
  EXPECT_EQ(error_of({"--candidate", "db-a"}),
            "Error: Member db-a is already the leader of cluster orders\n");
  EXPECT_EQ(error_of({"--candidate", "db-x"}),
            "Error: Member db-x does not exist in cluster orders or is tagged as nofailover\n");
}

TEST_F(Switchover, NeedsSomebodyToGoTo) {
  for (const char* name : {"db-b", "db-c"}) {
    Member member = a_standby(name, "10.1.0.12", kHere);
    member.tags.nofailover = true;
    member.tags.published = R"({"nofailover":true})";
    context.put_member(member);
  }
  const Ran ran = context.run({"switchover", "orders", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "Error: No candidates found to switchover to\n");
}

TEST_F(Switchover, NeedsALeader) {
  context.put("leader", "");
  EXPECT_EQ(context.run({"switchover", "orders", "--force"}).err,
            "Error: This cluster has no leader\n");
}

TEST_F(Switchover, PrintsARefusalAndFails) {
  context.members.answers(412, "candidate does not exists");
  const Ran ran = context.run({"switchover", "orders", "--candidate", "db-b", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(has(ran.out, "Switchover failed, details: 412, candidate does not exists\n"));
}

TEST_F(Switchover, PrintsThatTheResultIsUnknown) {
  context.members.answers(503, "Switchover status unknown after 20 seconds");
  const Ran ran = context.run({"switchover", "orders", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(has(ran.out, "Switchover result unknown, details: 503, ")) << ran.out;
}

TEST_F(Switchover, WritesTheRequestItselfWhenNoMemberIsReached) {
  context.members.is_not_reached();
  const Ran ran = context.run({"switchover", "orders", "--candidate", "db-b", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "Could not switchover using Patroni api, falling back to DCS\n"));
  EXPECT_EQ(context.value_of("failover"), R"({"leader":"db-a","member":"db-b"})");
}

TEST_F(Switchover, DoesNotWriteTheRequestOfAClusterThatHasANewLeader) {
  context.members.is_not_reached();
  context.members.on_call = [&](const ApiRequest&) {
    Transaction transaction;
    transaction.writes.push_back(Delete{.key = "/service/orders/leader"});
    (void)context.memory.commit(transaction);
    context.put("leader", "db-b");
  };
  const Ran ran = context.run({"switchover", "orders", "--candidate", "db-b", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(has(ran.err, "has changed meanwhile; nothing was done")) << ran.err;
  EXPECT_EQ(context.value_of("failover"), "(none)");
}

TEST_F(Switchover, DoesNotAskTwiceWhenTheAnswerGotLost) {
  context.members.falls_silent("connection closed");
  const Ran ran = context.run({"switchover", "orders", "--candidate", "db-b", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(has(ran.err, "Switchover result unknown, details: connection closed")) << ran.err;
  EXPECT_EQ(context.value_of("failover"), "(none)");
}

TEST_F(Failover, NeedsACandidate) {
  const Ran ran = context.run({"failover", "orders", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "Error: Failover could be performed only to a specific candidate\n");
}

TEST_F(Failover, AsksTheCandidateWhenThereIsNoLeader) {
  context.put("leader", "");
  context.members.answers(200, "Successfully failed over to \"db-c\"");
  const Ran ran = context.run({"failover", "orders", "--candidate", "db-c"}, "y\n");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "Are you sure you want to failover cluster orders? [y/N]: ")) << ran.out;
  EXPECT_EQ(context.members.asked.at(0),
            R"(POST http://10.1.0.13:8008/failover {"candidate":"db-c"})");
}

TEST_F(Failover, WarnsBeforeAnAsynchronousNode) {
  context.put("config", R"({"synchronous_mode":true})");
  context.put("sync", R"({"leader":"db-a","quorum":0,"sync_standby":"db-b"})");
  const Ran ran = context.run({"failover", "orders", "--candidate", "db-c"}, "n\n");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(has(ran.out, "Are you sure you want to failover to the asynchronous node db-c?"));
  EXPECT_EQ(ran.err, "Error: Aborting failover\n");
}

}  // namespace
}  // namespace pgherd::ctl::test
