#include "routing/lag_meter.h"

#include <gtest/gtest.h>

#include "routing/a_herd.h"

namespace pgherd::test {
namespace {

TEST(LagMeter, CountsFromWhenThePrimaryWentFurther) {
  LagMeter meter;
  EXPECT_EQ(meter.behind(Lsn{1}, kNow), 0ms);
  meter.primary_is_at(Lsn{100}, kNow);
  meter.primary_is_at(Lsn{200}, kNow + 1s);
  meter.primary_is_at(Lsn{300}, kNow + 2s);
  EXPECT_EQ(meter.behind(Lsn{300}, kNow + 10s), 0ms);
  EXPECT_EQ(meter.behind(Lsn{200}, kNow + 10s), 8s);
  EXPECT_EQ(meter.behind(Lsn{150}, kNow + 10s), 9s);
  EXPECT_EQ(meter.behind(Lsn{50}, kNow + 10s), 10s);
}

TEST(LagMeter, DoesNotCountWhileThePrimaryRests) {
  LagMeter meter;
  meter.primary_is_at(Lsn{100}, kNow);
  meter.primary_is_at(Lsn{100}, kNow + 60s);
  EXPECT_EQ(meter.behind(Lsn{100}, kNow + 3600s), 0ms);
}

TEST(LagMeter, ForgetsWhatANewPrimaryNeverHad) {
  LagMeter meter;
  meter.primary_is_at(Lsn{100}, kNow);
  meter.primary_is_at(Lsn{500}, kNow + 1s);
  meter.primary_is_at(Lsn{200}, kNow + 2s);
  EXPECT_EQ(meter.newest(), Lsn{200});
  EXPECT_EQ(meter.behind(Lsn{200}, kNow + 9s), 0ms);
}

TEST(LagMeter, StaysSmall) {
  LagMeter meter;
  for (std::uint64_t at = 1; at < 20000; ++at)
    meter.primary_is_at(Lsn{at}, kNow + Seconds(at));
  EXPECT_GE(meter.behind(Lsn{1}, kNow + 20000s), 4000s);
}

}  // namespace
}  // namespace pgherd::test
