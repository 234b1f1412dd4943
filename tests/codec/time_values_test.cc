#include <gtest/gtest.h>

#include <cstdint>

#include "base/dice.h"
#include "codec/dcs_values.h"

namespace pgherd {
namespace {

constexpr std::int64_t kAugust = 1785546000LL * 1'000'000;  // 2026-08-01T01:00:00Z

TEST(Time, IsReadInTheSpellingsOfIso8601) {
  for (const char* text :
       {"2026-08-01T03:00:00+02:00", "2026-08-01 03:00:00+02:00", "2026-08-01T03:00+02:00",
        "2026-08-01T01:00:00Z", "2026-08-01t01:00:00z", "2026-08-01T03:00:00+0200",
        "2026-08-01T03:00:00+02", "2026-07-31T19:30:00-05:30", "2026-08-01T01:00:00.000+00:00",
        "2026-08-01 01:00:00 +00:00"}) {
    EXPECT_EQ(parse_time(text), WallTime{kAugust}) << text;
  }
  EXPECT_EQ(parse_time("2026-08-01T01:00:00.5Z"), WallTime{kAugust + 500'000});
  EXPECT_EQ(parse_time("2026-08-01T01:00:00,1234567Z"), WallTime{kAugust + 123'456});
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), WallTime{0});
  EXPECT_EQ(parse_time("1969-12-31T23:59:59.999999Z"), WallTime{-1});
  EXPECT_NE(parse_time("2028-02-29T00:00:00Z"), std::nullopt);
}

TEST(Time, WithoutAZoneOrWithRubbishIsNone) {
  for (const char* text :
       {"", "2026-08-01", "2026-08-01T03:00:00", "2026-08-01T03Z", "2026-13-01T03:00:00Z",
        "2026-02-29T03:00:00Z", "2026-08-01T24:00:00Z", "2026-08-01T03:60:00Z",
        "2026-08-01T03:00:60Z", "2026-08-01T03:00:00.Z", "2026-08-01T03:00:00+24:00",
        "2026-08-01T03:00:00+02:", "2026-08-01T03:00:00+02:00x", "2026-8-1T03:00:00Z",
        "0000-01-01T00:00:00Z", "now", "2026-08-01T03:00:00 Europe/Berlin"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(Time, IsShownInUtc) {
  EXPECT_EQ(format_time(WallTime{kAugust}), "2026-08-01T01:00:00+00:00");
  EXPECT_EQ(format_time(WallTime{kAugust + 42}), "2026-08-01T01:00:00.000042+00:00");
  EXPECT_EQ(format_time(WallTime{-1}), "1969-12-31T23:59:59.999999+00:00");
}

TEST(Time, IsTheSameAfterShowingAndReading) {
  Dice dice(8);
  for (int i = 0; i < 1000; ++i) {
    // From the year 1 to the year 9999.
    const WallTime time{dice.between(-62135596800LL * 1'000'000, 253402300799LL * 1'000'000)};
    EXPECT_EQ(parse_time(format_time(time)), time) << format_time(time);
  }
}

}  // namespace
}  // namespace pgherd
