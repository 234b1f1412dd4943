#include "ctl/time_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace pgherd::ctl::test {
namespace {

class TimeText : public testing::Test {
 protected:
  // A zone written out as a rule, so that no time zone files are needed: two hours east in summer.
  void SetUp() override {
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
};

TEST_F(TimeText, ReadsAScheduleWithAZoneAsItStands) {
  EXPECT_EQ(parse_schedule("2026-08-01T03:00:00+02:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(parse_schedule("2026-08-01 03:00:00.5 -0330"), "2026-08-01T03:00:00.500000-03:30");
  EXPECT_EQ(parse_schedule("2026-08-01T03:00Z"), "2026-08-01T03:00:00+00:00");
  EXPECT_EQ(parse_schedule("2026-08-01T03:00:00.1234567+02"), "2026-08-01T03:00:00.123456+02:00");
}

TEST_F(TimeText, TakesTheLocalZoneForAScheduleWithoutOne) {
  EXPECT_EQ(parse_schedule("2026-08-01T03:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(parse_schedule("2026-12-01 03:00:10"), "2026-12-01T03:00:10+01:00");
  EXPECT_EQ(parse_schedule("2026-12-01"), "2026-12-01T00:00:00+01:00");
}

TEST_F(TimeText, RefusesWhatIsNoMoment) {
  for (const char* text : {"", "soon", "03:00", "2026-02-30T00:00", "2026-08-01T25:00",
                           "2026-08-01T03:00:00+0", "2026-08-01T03:00 CEST", "01.08.2026 03:00",
                           "2026-08-01T03:00:00.", "2026-08-01T03:00:00+02:00x"}) {
    EXPECT_EQ(parse_schedule(text), std::nullopt) << text;
  }
}

TEST_F(TimeText, StampsInLocalTime) {
  const WallTime time{1785542400123456};  // 2026-08-01 00:00:00 UTC and a bit
  EXPECT_EQ(stamp(time), "2026-08-01 02:00:00.12345");
  EXPECT_EQ(stamp_seconds(time), "2026-08-01 02:00:00");
  EXPECT_EQ(iso_minutes(time), "2026-08-01T02:00");
  EXPECT_EQ(iso_time_utc(time), "2026-08-01T00:00:00.123456+00:00");
}

}  // namespace
}  // namespace pgherd::ctl::test
