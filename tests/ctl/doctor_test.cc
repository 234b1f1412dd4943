// `doctor`: whom it asks, what it prints, and what the shell is told.
#include <functional>

#include "ctl/orders.h"

namespace pgherd::ctl::test {
namespace {

class Doctor : public Orders {
 protected:
  void answers(const std::string& name, const std::string& more = "") {
    context.members.answers(200,
                            R"({"patroni":{"scope":"orders","name":")" + name + "\"}" + more + "}");
    context.members.answers(200, "pgherd_guardian_connected{name=\"" + name + "\"} 1\n");
  }
};

TEST_F(Doctor, FindsNothingWrongAndEndsWithZero) {
  for (const char* name : {"db-a", "db-b", "db-c"})
    answers(name);
  const Ran ran = context.run({"doctor", "orders"});
  EXPECT_EQ(ran.out, "Cluster orders: 3 members, led by 'db-a'\nNothing is wrong.\n");
  EXPECT_EQ(ran.exit_code, 0);
  ASSERT_EQ(context.members.asked.size(), 6U);
  EXPECT_EQ(context.members.asked[0], "GET http://10.1.0.11:8008/patroni ");
  EXPECT_EQ(context.members.asked[1], "GET http://10.1.0.11:8008/metrics ");
}

TEST_F(Doctor, SaysWhatIsWrongAndWhatToDoAndEndsWithOne) {
  answers("db-a");
  answers("db-b", R"(,"xlog":{"paused":true})");
  context.members.falls_silent("no answer within 5 s");
  const Ran ran = context.run({"doctor", "orders"});
  EXPECT_EQ(
      ran.out,
      "Cluster orders: 3 members, led by 'db-a'\n"
      "problem: replay is paused on 'db-b'\n"
      "  -> end it there with `SELECT pg_wal_replay_resume()`\n"
      "problem: the agent of 'db-c' is not reached at http://10.1.0.13:8008/patroni: no answer "
      "within 5 s\n"
      "  -> see that it runs, and that this machine and the other members reach its "
      "restapi.connect_address\n");
  EXPECT_EQ(ran.exit_code, 1);
}

TEST_F(Doctor, AnswersProgramsInJson) {
  context.put("config", R"({"ttl":30,"loop_wait":10,"retry_timeout":10,"pause":true})");
  for (const char* name : {"db-a", "db-b", "db-c"})
    answers(name);
  const Ran ran = context.run({"doctor", "orders", "-f", "json"});
  EXPECT_NE(ran.out.find(R"("Weight": "remark")"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.exit_code, 0) << "a remark is no problem";
}

}  // namespace
}  // namespace pgherd::ctl::test
