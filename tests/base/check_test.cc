#include "base/check.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

TEST(Check, SaysWhatDoesNotHoldAndWhatWouldHaveGoneWrong) {
  const int leaders = 2;
  EXPECT_DEATH(PGHERD_CHECK(leaders < 2, "two nodes would accept writes"),
               "leaders < 2 does not hold; two nodes would accept writes");
}

TEST(Check, IsSilentAndEvaluatesOnceWhenItHolds) {
  int evaluated = 0;
  PGHERD_CHECK(++evaluated == 1, "a check with a side effect would act twice");
  EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace pgherd
