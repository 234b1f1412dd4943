#include "backup/tool_log.h"

#include <gtest/gtest.h>

namespace pgherd::backup::test {
namespace {

TEST(ToolLog, IsReadWithAndWithoutStamps) {
  const auto lines = parse_tool_log(
      "2026-11-30 10:01:09.302 P01   INFO: invalid checksum 'a/b.gz'\n"
      "P00  ERROR: [055]: unable to open missing file '/nope' for read\n"
      "WARN: option 'x' is not set\n"
      "      HINT: set it\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].level, "INFO");
  EXPECT_EQ(lines[0].text, "invalid checksum 'a/b.gz'");
  EXPECT_EQ(lines[1].level, "ERROR");
  EXPECT_EQ(lines[1].text, "unable to open missing file '/nope' for read");
  EXPECT_EQ(lines[2].text, "option 'x' is not set HINT: set it");
}

TEST(ToolLog, DoesNotTakeALevelInTheMiddleForOne) {
  const auto lines = parse_tool_log("INFO: restore file ERROR: of a user\n");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].level, "INFO");
}

TEST(Reason, IsTheErrorAndNotWhatCameAfterIt) {
  EXPECT_EQ(reason_in("INFO: begin\nERROR: [031]: option 'x'\n       not valid\nINFO: aborted\n"),
            "option 'x' not valid");
}

TEST(Reason, IsTheLastLineWhereThereIsNoError) {
  EXPECT_EQ(reason_in("sh: not found\n"), "sh: not found");
  EXPECT_EQ(reason_in(""), "it said nothing");
  EXPECT_EQ(reason_in("\n\n"), "it said nothing");
}

}  // namespace
}  // namespace pgherd::backup::test
