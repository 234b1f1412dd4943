#include "codec/parse_units.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace pgherd {
namespace {

constexpr std::int64_t kMB = 1 << 20;

TEST(Integers, AreDecimalHexadecimalOrOctal) {
  EXPECT_EQ(parse_integer("30"), 30);
  EXPECT_EQ(parse_integer(" -1 "), -1);
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_integer("0x1E"), 30);
  EXPECT_EQ(parse_integer("036"), 30);
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
}

TEST(Integers, AreNothingElse) {
  for (const char* text : {"", " ", "-", "1.5", "1e3", "30s", "0x", "08", "--1", "+-1", "1 2",
                           "9223372036854775808", "one"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(Memory, CountsInBytes) {
  EXPECT_EQ(parse_memory("128MB"), 128 * kMB);
  EXPECT_EQ(parse_memory(" 128 MB "), 128 * kMB);
  EXPECT_EQ(parse_memory("1GB"), 1024 * kMB);
  EXPECT_EQ(parse_memory("2TB"), kMB * 1024 * 1024 * 2);
  EXPECT_EQ(parse_memory("64kB"), 65536);
  EXPECT_EQ(parse_memory("100B"), 100);
  EXPECT_EQ(parse_memory("1.5MB"), kMB + kMB / 2);
  EXPECT_EQ(parse_memory("0x10kB"), 16384);
  EXPECT_EQ(parse_memory("-1"), -1);
}

TEST(Memory, WithoutAUnitCountsInTheParametersOwn) {
  EXPECT_EQ(parse_memory("16384", 8192), 16384 * 8192);
  EXPECT_EQ(parse_memory("128", kMB), 128 * kMB);
}

TEST(Memory, HasUnitsWhoseCaseMatters) {
  for (const char* text : {"128mb", "128KB", "128M", "MB", "", "128 M B", "1MBx", "99999999999TB",
                           "1e99MB", "1s", "--1MB", ".", "1..5MB"}) {
    EXPECT_EQ(parse_memory(text), std::nullopt) << text;
  }
}

TEST(Durations, CountInTheirUnits) {
  EXPECT_EQ(parse_duration("30"), Duration(30s));
  EXPECT_EQ(parse_duration("30", 1ms), Duration(30ms));
  EXPECT_EQ(parse_duration("30s", 1ms), Duration(30s));
  EXPECT_EQ(parse_duration("30min"), Duration(1800s));
  EXPECT_EQ(parse_duration("1d"), Duration(24h));
  EXPECT_EQ(parse_duration("2 h"), Duration(2h));
  EXPECT_EQ(parse_duration("250us"), Duration(250us));
  EXPECT_EQ(parse_duration("0.5s"), Duration(500ms));
  EXPECT_EQ(parse_duration("1e2ms"), Duration(100ms));
  EXPECT_EQ(parse_duration("-1"), Duration(-1s));
}

TEST(Durations, AreNothingElse) {
  for (const char* text : {"", "s", "1m", "1S", "1 minute", "1sec", "300000d", "MB", "1MB"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pgherd
