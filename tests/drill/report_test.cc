#include "drill/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string_view>

namespace pgherd::drill {
namespace {

using Lines = std::vector<std::string>;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

Report good() {
  Report report{.drill = "failover", .cluster = "demo"};
  report.phases = {{.after = 0ms, .what = "PostgreSQL of 'a' is killed"},
                   {.after = 250ms, .what = "'b' leads"}};
  report.outage = 300ms;
  report.allowed = 10s;
  report.acknowledged = 200;
  report.unknown = 1;
  report.lost = 0;
  return report;
}

Report judged(Report report) {
  judge(report);
  return report;
}

TEST(Verdict, IsGoodWithinWhatIsAllowed) {
  EXPECT_EQ(judged(good()).failures, Lines{});
}

TEST(Verdict, IsBadForALongOutage) {
  Report report = good();
  report.outage = 10500ms;
  ASSERT_EQ(judged(report).failures.size(), 1U);
  EXPECT_TRUE(has(judged(report).failures.front(), "10.50 s, and 10.00 s are allowed"));
  report.outage.reset();
  EXPECT_FALSE(judged(report).has_passed()) << "nobody knows";
}

TEST(Verdict, IsBadForRowsThatSynchronousReplicationHasLost) {
  Report report = good();
  report.lost = 2;
  ASSERT_EQ(judged(report).failures.size(), 1U);
  EXPECT_TRUE(has(judged(report).failures.front(), "2 acknowledged rows are lost"));
  report.may_lose = true;
  EXPECT_TRUE(judged(report).has_passed());
  EXPECT_TRUE(has(lines_of(report).at(3), "2 lost (replication is asynchronous"));
  report.lost.reset();
  EXPECT_FALSE(judged(report).has_passed()) << "nobody has looked";
}

TEST(ReportLines, TellThePhasesAndTheVerdict) {
  EXPECT_EQ(lines_of(judged(good())),
            (Lines{"   +0.00 s  PostgreSQL of 'a' is killed", "   +0.25 s  'b' leads",
                   "Outage as a client saw it: 0.30 s (10.00 s are allowed)",
                   "Writes: 200 acknowledged, 0 lost; 1 without an answer", "Passed."}));
  Report report = good();
  report.failures.emplace_back("nobody took over");
  EXPECT_EQ(lines_of(report).back(), "FAILED: nobody took over");
}

TEST(ReportJson, HasWhatAProgramNeeds) {
  const auto document = nlohmann::json::parse(json_of(judged(good())));
  EXPECT_EQ(document["passed"], true);
  EXPECT_DOUBLE_EQ(document["outage_seconds"].get<double>(), 0.3);
  EXPECT_EQ(document["rows"]["lost"], 0);
  EXPECT_EQ(document["phases"][1]["what"], "'b' leads");
  Report report = good();
  report.outage.reset();
  report.lost.reset();
  const auto unknown = nlohmann::json::parse(json_of(judged(report)));
  EXPECT_TRUE(unknown["outage_seconds"].is_null());
  EXPECT_TRUE(unknown["rows"]["lost"].is_null());
  EXPECT_EQ(unknown["failures"].size(), 2U);
}

TEST(ReportMetrics, SayWhetherItPassedAndWhen) {
  const std::string text = metrics_of(judged(good()), WallTime{1'700'000'000'000'000});
  EXPECT_TRUE(has(text, "pgherd_drill_passed{drill=\"failover\",scope=\"demo\"} 1\n"));
  EXPECT_TRUE(
      has(text, "pgherd_drill_timestamp_seconds{drill=\"failover\",scope=\"demo\"} 1700000000\n"));
  EXPECT_TRUE(has(text, "pgherd_drill_outage_seconds{drill=\"failover\",scope=\"demo\"} 0.3\n"));
}

}  // namespace
}  // namespace pgherd::drill
