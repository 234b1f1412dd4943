// Two agents of one name, or of names that PostgreSQL cannot tell apart, must not be in one
// cluster.
#include "daemon/name_guard.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "contract/manual_clock.h"
#include "dcs/memory/memory_dcs.h"

namespace pgherd {
namespace {

TEST(NamesThatClash, AreThoseThatPostgresqlTakesForOne) {
  EXPECT_EQ(why_names_clash("pg0", "pg1"), "");
  EXPECT_EQ(why_names_clash("pg0", "pg0"), "") << "that is the same member";
  EXPECT_NE(why_names_clash("PG0", "pg0").find("differ only in case"), std::string::npos);
  EXPECT_NE(why_names_clash("pg-0", "pg.0").find("slot 'pg_0'"), std::string::npos);
}

class NameGuardTest : public ::testing::Test {
 protected:
  void write_member(const NodeName& name, const std::string& value) {
    Transaction put;
    put.writes.emplace_back(Put{.key = layout_.member_key(name), .value = value, .lease = {}});
    ASSERT_TRUE(store_.commit(put));
  }
  void remove_member(const NodeName& name) {
    Transaction removal;
    removal.writes.emplace_back(Delete{.key = layout_.member_key(name)});
    ASSERT_TRUE(store_.commit(removal));
  }
  void check() {
    guard_.check([this](const std::string& objection) { objection_ = objection; },
                 [this](const std::string& line) { told_.push_back(line); });
  }
  // Virtual time passes until the guard has decided, or for so many alarms.
  void let_pass(int alarms) {
    for (int i = 0; i < alarms && !objection_ && clock_.ring_next(); ++i)
      loop_.poll();
  }

  boost::asio::io_context loop_;
  contract::ManualClock clock_;
  MemoryStore store_;
  MemoryDcs dcs_{store_, clock_};
  Layout layout_{"service", "main", "pg0"};
  HttpClient http_{loop_.get_executor()};
  NameGuard guard_{{.clock = clock_,
                    .dcs = dcs_,
                    .layout = layout_,
                    .http = [this]() -> const HttpClient& { return http_; },
                    .self = "pg0"}};
  std::optional<std::string> objection_;
  std::vector<std::string> told_;
};

TEST_F(NameGuardTest, LetsANewMemberIn) {
  write_member("pg1", R"({"api_url":"http://127.0.0.1:9/patroni"})");
  check();
  let_pass(3);
  EXPECT_EQ(objection_, "");
  EXPECT_TRUE(told_.empty());
}

TEST_F(NameGuardTest, LetsAMemberInWhoseFormerLifeDoesNotAnswer) {
  // Nobody listens at the port that the system gives out for nothing.
  write_member("pg0", R"({"api_url":"http://127.0.0.1:1/patroni"})");
  check();
  let_pass(3);
  loop_.run();
  EXPECT_EQ(objection_, "");
}

TEST_F(NameGuardTest, WaitsForAMemberWhoseNameClashesAndSaysSoNowAndThen) {
  write_member("PG0", "{}");
  check();
  let_pass(40);
  EXPECT_EQ(objection_, std::nullopt);
  ASSERT_FALSE(told_.empty());
  EXPECT_NE(told_.front().find("'PG0'"), std::string::npos) << told_.front();
  EXPECT_NE(told_.front().find("Give this node another name"), std::string::npos);
  EXPECT_LT(told_.size(), 6U) << "the same line is not said every second";
  remove_member("PG0");
  let_pass(5);
  EXPECT_EQ(objection_, "");
}

TEST_F(NameGuardTest, LetsAMemberGoOnThatWasThereBeforeTheOther) {
  write_member("PG0", "{}");
  write_member("pg0", "{}");
  check();
  let_pass(3);
  EXPECT_EQ(objection_, "");
}

}  // namespace
}  // namespace pgherd
