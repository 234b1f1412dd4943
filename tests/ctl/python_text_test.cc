#include "ctl/python_text.h"

#include <gtest/gtest.h>

namespace pgherd::ctl::test {
namespace {

// OIDs of PostgreSQL's catalog pg_type.
constexpr std::uint32_t kBool = 16;
constexpr std::uint32_t kInt8 = 20;
constexpr std::uint32_t kText = 25;
constexpr std::uint32_t kJson = 114;
constexpr std::uint32_t kFloat4 = 700;
constexpr std::uint32_t kFloat8 = 701;
constexpr std::uint32_t kBools = 1000;
constexpr std::uint32_t kInt4s = 1007;
constexpr std::uint32_t kTexts = 1009;
constexpr std::uint32_t kFloat8s = 1022;
constexpr std::uint32_t kTime = 1083;
constexpr std::uint32_t kTimestamp = 1114;
constexpr std::uint32_t kTimestamptz = 1184;
constexpr std::uint32_t kInterval = 1186;
constexpr std::uint32_t kTimetz = 1266;
constexpr std::uint32_t kNumeric = 1700;
constexpr std::uint32_t kJsonbs = 3807;

std::string shown(std::uint32_t oid, const std::string& text) {
  return python_cell(oid, text).text;
}

// The expected texts are what patronictl 4.0.7 prints of PostgreSQL 17.
TEST(PythonText, OfBooleansAndNull) {
  EXPECT_EQ(python_cell(kBool, "t"), (Cell{.text = "True", .json = "true"}));
  EXPECT_EQ(python_cell(kBool, "f"), (Cell{.text = "False", .json = "false"}));
  EXPECT_EQ(python_none(), (Cell{.text = "None", .json = "null"}));
}

TEST(PythonText, OfNumbers) {
  EXPECT_EQ(python_cell(kInt8, "9007199254740993"),
            (Cell{.text = "9007199254740993", .json = "9007199254740993"}));
  EXPECT_EQ(python_cell(kFloat8, "1"), (Cell{.text = "1.0", .json = "1.0"}));
  EXPECT_EQ(shown(kFloat4, "0.1"), "0.1");
  EXPECT_EQ(shown(kFloat8, "1e+15"), "1000000000000000.0");
  EXPECT_EQ(shown(kFloat8, "1e+16"), "1e+16");
  EXPECT_EQ(shown(kFloat8, "1e-05"), "1e-05");
  EXPECT_EQ(shown(kFloat8, "-2.5e-10"), "-2.5e-10");
  EXPECT_EQ(python_cell(kFloat8, "NaN"), (Cell{.text = "nan", .json = "\"nan\""}));
  EXPECT_EQ(shown(kFloat8, "-Infinity"), "-inf");
  EXPECT_EQ(python_cell(kNumeric, "1.50"), (Cell{.text = "1.50", .json = "\"1.50\""}));
}

TEST(PythonText, OfTimes) {
  EXPECT_EQ(shown(kTime, "03:04:05"), "03:04:05");
  EXPECT_EQ(shown(kTime, "03:04:05.5"), "03:04:05.500000");
  EXPECT_EQ(shown(kTimetz, "03:04:05+02"), "03:04:05+02:00");
  EXPECT_EQ(shown(kTimestamp, "2026-08-01 03:04:05.25"), "2026-08-01 03:04:05.250000");
  EXPECT_EQ(shown(kTimestamptz, "2026-08-01 00:04:05.5+02"), "2026-08-01 00:04:05.500000+02:00");
  EXPECT_EQ(shown(kTimestamptz, "2026-08-01 00:04:05-03:30"), "2026-08-01 00:04:05-03:30");
  EXPECT_EQ(shown(kTimestamptz, "infinity"), "infinity");
  EXPECT_EQ(shown(kTimestamp, "0044-03-15 12:00:00 BC"), "0044-03-15 12:00:00 BC");
}

TEST(PythonText, OfIntervals) {
  EXPECT_EQ(shown(kInterval, "1 day 02:03:04.5"), "1 day, 2:03:04.500000");
  EXPECT_EQ(shown(kInterval, "00:00:00"), "0:00:00");
  EXPECT_EQ(shown(kInterval, "-00:00:01"), "-1 day, 23:59:59");
  EXPECT_EQ(shown(kInterval, "-1 mons"), "-30 days, 0:00:00");
  EXPECT_EQ(shown(kInterval, "1 year 2 mons -3 days +04:05:06"), "422 days, 4:05:06");
  EXPECT_EQ(shown(kInterval, "90 days"), "90 days, 0:00:00");
  EXPECT_EQ(shown(kInterval, "infinity"), "infinity");
}

TEST(PythonText, OfJson) {
  EXPECT_EQ(python_cell(kJson, R"({"a": [1, true, null, 1.50], "b": "it's"})"),
            (Cell{.text = R"({'a': [1, True, None, 1.5], 'b': "it's"})",
                  .json = R"({"a":[1,true,null,1.5],"b":"it's"})"}));
  EXPECT_EQ(shown(kJson, R"("plain")"), "plain");
  EXPECT_EQ(shown(kJson, "null"), "None");
  EXPECT_EQ(shown(kJson, "{}"), "{}");
}

TEST(PythonText, OfArrays) {
  EXPECT_EQ(python_cell(kInt4s, "{1,2,NULL}"),
            (Cell{.text = "[1, 2, None]", .json = "[1,2,null]"}));
  EXPECT_EQ(shown(kInt4s, "{{1,2},{3,4}}"), "[[1, 2], [3, 4]]");
  EXPECT_EQ(shown(kInt4s, "[0:1]={1,2}"), "[1, 2]");
  EXPECT_EQ(shown(kInt4s, "{}"), "[]");
  EXPECT_EQ(shown(kBools, "{t,f}"), "[True, False]");
  EXPECT_EQ(shown(kFloat8s, "{1,0.5}"), "[1.0, 0.5]");
  EXPECT_EQ(python_cell(kTexts, R"({a,"b c",NULL,"NULL","q\"x","it's","back\\slash"})"),
            (Cell{.text = R"(['a', 'b c', None, 'NULL', 'q"x', "it's", 'back\\slash'])",
                  .json = R"(["a","b c",null,"NULL","q\"x","it's","back\\slash"])"}));
  EXPECT_EQ(shown(kTexts, "{\"a\nb\tc\x01\"}"), R"(['a\nb\tc\x01'])");
  EXPECT_EQ(shown(kJsonbs, R"({"{\"a\": 1}"})"), "[{'a': 1}]");
}

TEST(PythonText, LeavesWhatIsNotUnderstoodAsItIs) {
  EXPECT_EQ(python_cell(kText, "t"), (Cell{.text = "t", .json = "\"t\""}));
  EXPECT_EQ(shown(kText, "a\nb"), "a\nb");
  for (const char* text : {"", "{", "{1", "{1,}", "{1 2", "{1}x", "{,1}"})
    EXPECT_EQ(shown(kInt4s, text), text);
  EXPECT_EQ(shown(kTexts, "{\"a"), "{\"a");
  EXPECT_EQ(shown(kTexts, "{\"a\\"), "{\"a\\");
  EXPECT_EQ(shown(kInterval, "1 fortnight"), "1 fortnight");
  EXPECT_EQ(shown(kInterval, "1:2:3"), "1:2:3");
  EXPECT_EQ(shown(kJson, "{"), "{");
}

}  // namespace
}  // namespace pgherd::ctl::test
