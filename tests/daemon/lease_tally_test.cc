#include "daemon/lease_tally.h"

#include <gtest/gtest.h>

#include <string>

namespace pgherd {
namespace {

// Renewed every 5 s: a quarter of the ttl, since that is less than loop_wait.
Settings settings_of_twenty_seconds() {
  Settings settings;
  settings.ttl = 20s;
  settings.loop_wait = 10s;
  return settings;
}

Renewal a_renewal(Duration took, Duration lease_age) {
  return {.is_confirmed = true, .took = took, .lease_age = lease_age, .ttl = 20s};
}

bool says(const LeaseTally& tally, const std::string& sample) {
  return tally.metrics("name=\"a\"", 20s).find("\n" + sample + "\n") != std::string::npos;
}

TEST(LeaseTally, CountsRenewalsAndWhatTheyTook) {
  LeaseTally tally;
  tally.note(a_renewal(20ms, 5s), settings_of_twenty_seconds());
  tally.note(a_renewal(30ms, 5s), settings_of_twenty_seconds());
  tally.note({.is_confirmed = false, .took = 2s, .lease_age = 7s, .ttl = 20s},
             settings_of_twenty_seconds());
  EXPECT_TRUE(says(tally, R"(pgherd_lease_ttl_seconds{name="a"} 20.000)"));
  EXPECT_TRUE(says(tally, R"(pgherd_lease_renewals_total{name="a"} 2)"));
  EXPECT_TRUE(says(tally, R"(pgherd_lease_renewal_seconds_total{name="a"} 0.050000)"));
  EXPECT_TRUE(says(tally, R"(pgherd_lease_renewals_late_total{name="a"} 0)"));
  EXPECT_TRUE(says(tally, R"(pgherd_lease_renewals_failed_total{name="a"} 1)"));
}

TEST(LeaseTally, ARenewalIsLateAQuarterOfTheTtlAfterItWasDue) {
  LeaseTally tally;
  tally.note(a_renewal(20ms, 10s), settings_of_twenty_seconds());
  EXPECT_TRUE(says(tally, R"(pgherd_lease_renewals_late_total{name="a"} 0)"));
  tally.note(a_renewal(20ms, 10001ms), settings_of_twenty_seconds());
  EXPECT_TRUE(says(tally, R"(pgherd_lease_renewals_late_total{name="a"} 1)"));
}

TEST(LeaseTally, WithAShortLoopWaitTheRenewalIsDueEarlier) {
  Settings settings = settings_of_twenty_seconds();
  settings.loop_wait = 1s;
  LeaseTally tally;
  tally.note(a_renewal(20ms, 7s), settings);
  EXPECT_TRUE(says(tally, R"(pgherd_lease_renewals_late_total{name="a"} 1)"));
}

}  // namespace
}  // namespace pgherd
