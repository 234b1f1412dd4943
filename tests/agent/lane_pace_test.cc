#include "agent/lane_pace.h"

#include <gtest/gtest.h>

namespace pgherd::test {
namespace {

Instant at(Duration since_start) {
  return Instant::from_nanoseconds(1'000'000'000'000) + since_start;
}

Duration rest_after_failure(LanePace& pace, Lane lane, Instant now) {
  pace.started(lane, now);
  pace.ended(lane, true, now);
  const auto resting = pace.resting(now);
  return resting.contains(lane) ? resting.at(lane) - now : 0ns;
}

TEST(LanePace, RestsLongerAfterEachFailureUpToALimit) {
  LanePace pace;
  EXPECT_EQ(rest_after_failure(pace, Lane::LeaderKey, at(0s)), 100ms);
  EXPECT_EQ(rest_after_failure(pace, Lane::LeaderKey, at(1s)), 200ms);
  EXPECT_EQ(rest_after_failure(pace, Lane::LeaderKey, at(2s)), 400ms);
  EXPECT_EQ(rest_after_failure(pace, Lane::LeaderKey, at(3s)), 500ms);
  EXPECT_EQ(rest_after_failure(pace, Lane::LeaderKey, at(4s)), 500ms);
  EXPECT_TRUE(pace.resting(at(4500ms)).empty());
}

TEST(LanePace, LetsUpkeepRestForSeconds) {
  LanePace pace;
  for (int i = 0; i < 20; ++i)
    (void)rest_after_failure(pace, Lane::Slots, at(i * 5s));
  EXPECT_EQ(rest_after_failure(pace, Lane::Slots, at(100s)), 5s);
}

TEST(LanePace, ForgetsFailuresAfterASuccessAndAfterAWhile) {
  LanePace pace;
  (void)rest_after_failure(pace, Lane::Member, at(0s));
  (void)rest_after_failure(pace, Lane::Member, at(1s));
  pace.ended(Lane::Member, false, at(2s));
  EXPECT_EQ(rest_after_failure(pace, Lane::Member, at(3s)), 100ms);
  EXPECT_EQ(rest_after_failure(pace, Lane::Member, at(4s)), 200ms);
  EXPECT_EQ(rest_after_failure(pace, Lane::Member, at(20s)), 100ms);
}

TEST(LanePace, NeverHoldsTheLease) {
  LanePace pace;
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(rest_after_failure(pace, Lane::Lease, at(0s)), 0ns);
  EXPECT_TRUE(pace.run_away(at(0s)).empty());
}

TEST(LanePace, LeavesActsOnPostgresTheirOwnPause) {
  LanePace pace;
  EXPECT_EQ(rest_after_failure(pace, Lane::Instance, at(0s)), 0ns);
}

TEST(LanePace, SlowsDownALaneThatHasRunAwayUntilItIsCalm) {
  LanePace pace;
  for (int i = 0; i + 1 < LanePace::kMostSteps; ++i)
    pace.started(Lane::Peers, at(i * 1ms));
  EXPECT_TRUE(pace.run_away(at(100ms)).empty());
  pace.started(Lane::Peers, at(100ms));
  EXPECT_TRUE(pace.run_away(at(100ms)).contains(Lane::Peers));
  EXPECT_EQ(pace.resting(at(100ms)).at(Lane::Peers), at(350ms));
  // One step at a time from now on, however long that lasts.
  for (int i = 0; i < 40; ++i) {
    const Instant now = at(350ms + i * 250ms);
    EXPECT_TRUE(pace.resting(now).empty());
    pace.started(Lane::Peers, now);
    EXPECT_TRUE(pace.resting(now).contains(Lane::Peers));
    EXPECT_TRUE(pace.run_away(now).contains(Lane::Peers));
  }
  EXPECT_TRUE(pace.run_away(at(12s)).empty());
  pace.started(Lane::Peers, at(12s));
  EXPECT_TRUE(pace.resting(at(12s)).empty());
}

}  // namespace
}  // namespace pgherd::test
