#include "ctl/time_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "ctl/errors.h"

namespace pgherd::ctl::test {
namespace {

constexpr WallTime kNow{1785542400123456};  // 2026-08-01 00:00:00 UTC and a bit

std::string scheduled(std::string_view text) {
  return format_time(read_schedule(text, kNow).value());
}

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
  EXPECT_EQ(scheduled("2026-08-01T03:00:00+02:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(scheduled("2026-08-01 03:00:00.5 -0330"), "2026-08-01T03:00:00.500000-03:30");
  EXPECT_EQ(scheduled("2026-08-01T03:00Z"), "2026-08-01T03:00:00+00:00");
  EXPECT_EQ(scheduled("2026-08-01T03:00:00.1234567+02"), "2026-08-01T03:00:00.123456+02:00");
  // The example of Patroni's manual.
  EXPECT_EQ(scheduled("2023-05-29T04:32:31-3"), "2023-05-29T04:32:31-03:00");
}

TEST_F(TimeText, TakesTheLocalZoneForAScheduleWithoutOne) {
  EXPECT_EQ(scheduled("2026-08-01T03:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(scheduled("2026-12-01 03:00:10"), "2026-12-01T03:00:10+01:00");
  EXPECT_EQ(scheduled("2026-12-01"), "2026-12-01T00:00:00+01:00");
  EXPECT_EQ(scheduled("Sat Aug  1 03:00:00 CEST 2026"), "2026-08-01T03:00:00+02:00");
}

TEST_F(TimeText, TakesTheLocalDayForAClockAlone) {
  EXPECT_EQ(scheduled("03:00"), "2026-08-01T03:00:00+02:00");
  EXPECT_EQ(scheduled("11pm"), "2026-08-01T23:00:00+02:00");
  setenv("TZ", "XST5", 1);
  tzset();
  EXPECT_EQ(scheduled("23:00"), "2026-07-31T23:00:00-05:00");
}

TEST_F(TimeText, NowAndNothingAreNoSchedule) {
  EXPECT_EQ(read_schedule("now", kNow), std::nullopt);
  EXPECT_EQ(read_schedule("", kNow), std::nullopt);
}

TEST_F(TimeText, RefusesWhatIsNoMoment) {
  for (const char* text : {"soon", "2026-02-30T00:00", "2026-08-01T25:00", "2026-12-01T03:00 CEST",
                           "2026-08-01T03:00 EST", "01.08.2026 03:00", "2026-08-01T03:00:00.",
                           "2026-08-01T03:00:00+02:00x", "2026-03-29 02:30", "2026-10-25 02:30"}) {
    EXPECT_THROW((void)read_schedule(text, kNow), CtlError) << text;
  }
}

TEST_F(TimeText, SaysWhatIsUnderstood) {
  try {
    (void)read_schedule("01/02/2027", kNow);
    FAIL();
  } catch (const CtlError& error) {
    EXPECT_STREQ(
        error.what(),
        "Unable to parse scheduled timestamp (01/02/2027). It should be in an unambiguous "
        "format (e.g. ISO 8601)\n"
        "Understood are: 2027-08-01T03:00, 20270801T0300, 2027/08/01 03:00, 1 Aug 2027 3:00 pm, "
        "03:00 (today), each with Z, UTC or +02:00 behind it; without a zone it is local time.");
  }
}

TEST_F(TimeText, UnderstandsWhatItRecommends) {
  for (const char* text : {"2027-08-01T03:00", "20270801T0300", "2027/08/01 03:00"})
    EXPECT_EQ(scheduled(text), "2027-08-01T03:00:00+02:00");
  EXPECT_EQ(scheduled("1 Aug 2027 3:00 pm"), "2027-08-01T15:00:00+02:00");
}

TEST_F(TimeText, StampsInLocalTime) {
  EXPECT_EQ(stamp(kNow), "2026-08-01 02:00:00.12345");
  EXPECT_EQ(stamp_seconds(kNow), "2026-08-01 02:00:00");
  EXPECT_EQ(iso_minutes(kNow), "2026-08-01T02:00");
}

}  // namespace
}  // namespace pgherd::ctl::test
