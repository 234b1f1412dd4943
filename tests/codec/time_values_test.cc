#include <gtest/gtest.h>

#include <cstdint>

#include "base/dice.h"
#include "codec/time_values.h"

namespace pgherd {
namespace {

constexpr std::int64_t kAugust = 1785546000LL * 1'000'000;  // 2026-08-01T01:00:00Z

// The first of August 2026, two hours east of UTC, where no clock ever shows 04:00.
TimeDefaults a_place() {
  const auto zone = [](WallFace face) -> std::optional<LocalZone> {
    const auto midnight = std::chrono::floor<std::chrono::days>(face);
    if (face - midnight == 4h) return std::nullopt;
    return LocalZone{.east = 120min, .name = "XST"};
  };
  return {.today = utc_day(WallTime{kAugust}), .zone = zone};
}

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

TEST(Time, IsReadInTheSpellingsOfProgramsAndPeople) {
  for (const char* text :
       {"20260801T010000Z", "20260801T0100Z", "20260801T01Z", "2026-08-01T01Z",
        "20260801T030000.000+0200", "2026/08/01 01:00 UTC", "2026-08-01 01:00:00UTC",
        "2026-08-01 01:00 GMT", "2026-08-01T03:00+2", "2026-07-31T22:00:00-3",
        "Sat, 01 Aug 2026 03:00:00 +0200", "Sat Aug  1 01:00:00 UTC 2026",
        "Sat Aug 1 03:00:00 2026 +0200", "Sat 01 Aug 2026 01:00:00 AM UTC", "Aug 1 2026 1:00 UTC",
        "1 August 2026, 1 am Z", "August 1, 2026 1:00am +00:00", "1-Aug-2026 03:00 +02:00",
        " 2026-08-01 01:00Z "}) {
    EXPECT_EQ(parse_time(text), WallTime{kAugust}) << text;
  }
  EXPECT_EQ(parse_time("1 Aug 2026 12:30 am UTC"), parse_time("2026-08-01T00:30Z"));
  EXPECT_EQ(parse_time("1 Aug 2026 12:30 pm UTC"), parse_time("2026-08-01T12:30Z"));
  EXPECT_EQ(parse_time("1 Aug 2026 11pm UTC"), parse_time("2026-08-01T23:00Z"));
}

TEST(Time, ThatCouldBeTwoMomentsOrNoneIsUnreadable) {
  for (const char* text : {"01/02/2026 03:00Z",
                           "01.02.2026 03:00Z",
                           "01-08-2026 03:00Z",
                           "01 Aug 26 03:00Z",
                           "13pm UTC",
                           "0 am UTC",
                           "2026-08-01 13:00 pm Z",
                           "2026-08-01 03:00 UTC+3",
                           "2026-08-01 03:00 UTC GMT",
                           "2026-08-01 03:00 +02:00 Z",
                           "2026-08-01 03:00 04:00 Z",
                           "Sun, 01 Aug 2026 03:00:00 +0200",
                           "Feb 29 2027 03:00Z",
                           "2026-08-0103:00Z",
                           "2026-08-01T03:005Z",
                           "2026-08-01TZ",
                           "2026-08-01+02:00",
                           "Aug 2026 03:00Z",
                           "10",
                           "2026",
                           "tomorrow",
                           "Aug",
                           "+02:00",
                           "2026-08-01T03:00+123",
                           "9999-12-31T23:00-02:00"}) {
    const auto time = read_time(text, a_place());
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error(), TimeFault::Unreadable) << text;
  }
}

TEST(Time, TakesWhatIsUnsaidFromWhereItIsRead) {
  const auto reads = [](const char* text) {
    const auto time = read_time(text, a_place());
    return time ? format_time(*time) : "nothing";
  };
  EXPECT_EQ(reads("2026-08-01T03:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(reads("2026-08-03"), "2026-08-03T00:00:00+02:00");
  EXPECT_EQ(reads("03:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(reads("11pm"), "2026-08-01T23:00:00+02:00");
  EXPECT_EQ(reads("3:00 pm"), "2026-08-01T15:00:00+02:00");
  EXPECT_EQ(reads("03:00 -0330"), "2026-08-01T03:00:00-03:30");
  EXPECT_EQ(reads("3 Aug 10:00"), "2026-08-03T10:00:00+02:00");
  EXPECT_EQ(reads("Sat 03:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(reads("Friday 03:00"), "2026-08-07T03:00:00+02:00");
  EXPECT_EQ(reads("Sat Aug  1 03:00:00 XST 2026"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(reads("Sat Aug  1 03:00:00 EST 2026"), "nothing");
  EXPECT_EQ(reads("04:00"), "nothing") << "the clocks skip it";
}

TEST(Time, WithoutAZoneIsToldFromWhatIsUnreadable) {
  const TimeDefaults no_place = {.today = a_place().today};
  for (const char* text : {"2026-08-01", "03:00", "11pm", "1 Aug 2026 03:00"}) {
    const auto time = read_time(text, no_place);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error(), TimeFault::NoZone) << text;
  }
  EXPECT_EQ(parse_time("03:00Z"), std::nullopt) << "of no day";
  EXPECT_EQ(parse_time("1 Aug 03:00Z"), std::nullopt) << "of no year";
}

TEST(Time, KeepsTheOffsetByWhichItWasSaid) {
  for (const char* text : {"2026-08-01T03:00:00+02:00", "2026-08-01T03:00:00.500000-03:30",
                           "2026-08-01T03:00:00+00:00", "0001-01-02T00:00:00+14:00"}) {
    EXPECT_EQ(format_time(parse_zoned_time(text).value()), text);
  }
}

TEST(Time, WithoutAZoneOrWithRubbishIsNone) {
  for (const char* text :
       {"", "2026-08-01", "2026-08-01T03:00:00", "2026-13-01T03:00:00Z", "2026-02-29T03:00:00Z",
        "2026-08-01T24:00:00Z", "2026-08-01T03:60:00Z", "2026-08-01T03:00:60Z",
        "2026-08-01T03:00:00.Z", "2026-08-01T03:00:00+24:00",
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
