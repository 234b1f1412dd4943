#include "model/settings.h"

#include <gtest/gtest.h>

#include "base/dice.h"

namespace pgherd {
namespace {

TEST(LeaseMargins, AreAQuarterOfTheLeaseForStopping) {
  const LeaseMargins margins = lease_margins(Settings{.ttl = 12s, .loop_wait = 2s});
  EXPECT_EQ(margins.renew_every, Duration(2s));
  EXPECT_EQ(margins.demote_after, Duration(9s));
  EXPECT_EQ(margins.fence_after, Duration(10500ms));
}

TEST(LeaseMargins, KeepAShortLeaseWritableAndALongOneSafe) {
  EXPECT_EQ(lease_margins(Settings{.ttl = 30s}).demote_after, Duration(25s));
  EXPECT_EQ(lease_margins(Settings{.ttl = 2s, .loop_wait = 1s}).demote_after, Duration(1500ms));
  EXPECT_EQ(lease_margins(Settings{.ttl = 2s, .loop_wait = 1s}).renew_every, Duration(500ms));
}

// Safety A3: writes have ended before the store can give the key to somebody else; and between two
// renewals there is time for a second attempt.
TEST(LeaseMargins, ComeInTheOrderRenewDemoteFenceExpire) {
  Dice dice(2);
  for (int i = 0; i < 1000; ++i) {
    const Settings settings{.ttl = Milliseconds(dice.between(2000, 600'000)),
                            .loop_wait = Milliseconds(dice.between(1000, 60'000))};
    const LeaseMargins margins = lease_margins(settings);
    EXPECT_LT(2 * margins.renew_every, margins.demote_after);
    EXPECT_LT(margins.demote_after, margins.fence_after);
    EXPECT_LT(margins.fence_after, settings.ttl);
  }
}

}  // namespace
}  // namespace pgherd
