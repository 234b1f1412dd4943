#include "ctl/log.h"

#include <gtest/gtest.h>

#include "ctl/a_cluster.h"
#include "ctl/a_desk.h"
#include "ctl/errors.h"

namespace pgherd::ctl::test {
namespace {

TEST(LogOfTheTool, ShowsFromTheLevelOfTheLastVariableThatIsSet) {
  EXPECT_EQ(log_level({}), LogLevel::Warning);
  EXPECT_EQ(log_level({{"LOGLEVEL", "DEBUG"}}), LogLevel::Debug);
  EXPECT_EQ(log_level({{"LOGLEVEL", "DEBUG"}, {"PATRONI_LOGLEVEL", "ERROR"}}), LogLevel::Error);
  EXPECT_EQ(log_level({{"PATRONI_LOGLEVEL", "ERROR"}, {"PATRONI_LOG_LEVEL", "info"}}),
            LogLevel::Info);
  EXPECT_EQ(log_level({{"LOGLEVEL", "DEBUG"}, {"PATRONI_LOG_LEVEL", ""}}), LogLevel::Debug);
  EXPECT_THROW((void)log_level({{"LOGLEVEL", "LOUD"}}), CtlError);
}

class LogLines : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC0", 1);
    tzset();
    desk.put_member(a_leader("db-a", "10.1.0.11"));
    desk.put("leader", "db-a");
    desk.put("config", "{}");
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
  ADesk desk;
};

TEST_F(LogLines, OfTheStoreAndTheMembersAreForDebugging) {
  desk.members.answers(200, "{}");
  desk.log_level = LogLevel::Debug;
  const Ran ran = desk.run({"pause", "orders"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "Success: cluster management is paused\n");
  EXPECT_EQ(ran.err,
            "2026-08-01 00:00:00,000 - DEBUG - read 3 keys below /service/orders/ at revision 4\n"
            "2026-08-01 00:00:00,000 - DEBUG - PATCH http://10.1.0.11:8008/config "
            "{\"pause\":true}\n"
            "2026-08-01 00:00:00,000 - DEBUG - answer of http://10.1.0.11:8008/config: 200 {}\n");
}

TEST_F(LogLines, ThatWarnAreLeftOutAboveTheirLevel) {
  EXPECT_EQ(desk.run({"list"}).err,
            "2026-08-01 00:00:00,000 - WARNING - Listing members: No cluster names were "
            "provided\n");
  desk.log_level = LogLevel::Error;
  EXPECT_EQ(desk.run({"list"}).err, "");
}

TEST_F(LogLines, OfAMemberThatIsNotReachedSayWhy) {
  desk.members.is_not_reached("connection refused");
  desk.log_level = LogLevel::Debug;
  const Ran ran = desk.run({"version", "orders"});
  EXPECT_NE(ran.err.find("no answer of http://10.1.0.11:8008/patroni: connection refused\n"),
            std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace pgherd::ctl::test
