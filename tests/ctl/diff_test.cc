#include "ctl/diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pgherd::ctl::test {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text.append(line).append("\n");
  return text;
}

TEST(UnifiedDiff, SaysNothingAboutEqualTexts) {
  EXPECT_TRUE(unified_diff("a\nb\n", "a\nb\n").empty());
}

TEST(UnifiedDiff, ShowsAChangeWithThreeLinesAround) {
  EXPECT_EQ(joined(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n")),
            "--- \n+++ \n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiff, NamesAnAdditionAtTheEndAndAnEmptyBeginning) {
  EXPECT_EQ(joined(unified_diff("ttl: 30\n", "pause: true\nttl: 30\n")),
            "--- \n+++ \n@@ -1 +1,2 @@\n+pause: true\n ttl: 30\n");
  EXPECT_EQ(joined(unified_diff("", "a\nb\n")), "--- \n+++ \n@@ -0,0 +1,2 @@\n+a\n+b\n");
  EXPECT_EQ(joined(unified_diff("a\nb\n", "a\n")), "--- \n+++ \n@@ -1,2 +1 @@\n a\n-b\n");
}

TEST(UnifiedDiff, DividesDistantChangesAndJoinsNearOnes) {
  std::string before;
  for (int line = 1; line <= 30; ++line)
    before.append(fmt::format("line {}\n", line));
  const auto replaced = [&](const std::vector<int>& changed) {
    std::string text;
    for (int line = 1; line <= 30; ++line) {
      const bool is_changed = std::find(changed.begin(), changed.end(), line) != changed.end();
      text.append(fmt::format("line {}{}\n", line, is_changed ? "!" : ""));
    }
    return text;
  };
  const auto hunks = [&](const std::vector<int>& changed) {
    std::vector<std::string> heads;
    for (const std::string& line : unified_diff(before, replaced(changed))) {
      if (line.starts_with("@@")) heads.push_back(line);
    }
    return fmt::format("{}", fmt::join(heads, " "));
  };
  EXPECT_EQ(hunks({5, 12}), "@@ -2,14 +2,14 @@");
  EXPECT_EQ(hunks({5, 13}), "@@ -2,7 +2,7 @@ @@ -10,7 +10,7 @@");
  EXPECT_EQ(hunks({1, 30}), "@@ -1,4 +1,4 @@ @@ -27,4 +27,4 @@");
}

}  // namespace
}  // namespace pgherd::ctl::test
