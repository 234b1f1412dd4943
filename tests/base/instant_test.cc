#include "base/instant.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

TEST(Instant, NeverIsLaterThanAllAndStaysWhereItIs) {
  const Instant never = Instant::never();
  EXPECT_TRUE(never.is_never());
  EXPECT_GT(never, Instant::from_nanoseconds(INT64_MAX - 1));
  EXPECT_EQ(never + 1s, never);
  EXPECT_EQ(never - 1h, never);
}

TEST(Instant, DifferenceGivesBackWhatWasAdded) {
  const Instant start = Instant::from_nanoseconds(1'000'000'000);
  EXPECT_EQ((start + 250ms) - start, Duration(250ms));
  EXPECT_EQ(start - (start + 250ms), -Duration(250ms));
  EXPECT_LT(start, start + 1ns);
}

}  // namespace
}  // namespace pgherd
