#include "pgwire/reply.h"

#include <gtest/gtest.h>

#include "pgwire/wire.h"

namespace pgherd::pgwire::test {
namespace {

TEST(Reply, IsAFatalErrorResponse) {
  const std::string bytes = write_fatal({.sqlstate = kCannotConnectNow, .message = "no primary"});
  EXPECT_EQ(bytes, message('E', "SFATAL\0VFATAL\0C57P03\0Mno primary\0\0"sv));
}

TEST(Reply, IsReadAsItWasWritten) {
  const std::string bytes = write_fatal({.sqlstate = kAdminShutdown,
                                         .message = "it moved",
                                         .detail = "pg1 leads",
                                         .hint = "connect again"});
  const auto read = read_error(std::string_view(bytes).substr(5));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read,
            (ErrorReply{.severity = "FATAL", .sqlstate = kAdminShutdown, .message = "it moved"}));
  EXPECT_TRUE(read->ends_the_session());
}

TEST(Reply, CannotBeCutShortByItsTexts) {
  const std::string bytes = write_fatal({.sqlstate = "57P01", .message = std::string("a\0b", 3)});
  const auto read = read_error(std::string_view(bytes).substr(5));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->message, "a b");
}

TEST(Reply, HasASeverityOfServersBeforeNinePointSix) {
  const auto read = read_error("SFATAL\0C57P03\0Mx\0\0"sv);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->severity, "FATAL");
}

TEST(Reply, IsNoneWhenItsFieldsHaveNoEnd) {
  EXPECT_FALSE(read_error(""));
  EXPECT_FALSE(read_error("SFATAL\0C57P03"sv));
  EXPECT_FALSE(read_error("SFATAL\0C57P03\0"sv));
  EXPECT_FALSE(read_error("SFATAL\0\0"sv)) << "without a SQLSTATE";
}

}  // namespace
}  // namespace pgherd::pgwire::test
