#include "sim/world.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "sim/run.h"

namespace pgherd::sim {
namespace {

TEST(World, TheSameSeedGoesTheSameWayTwice) {
  for (const std::uint64_t seed : {3U, 17U, 99U}) {
    RunOptions options;
    options.length = options.storm = 20s;
    EXPECT_EQ(run_seed(seed, options).digest, run_seed(seed, options).digest) << seed;
  }
}

TEST(World, ListeningToTheStoryDoesNotChangeIt) {
  RunOptions silent;
  silent.length = silent.storm = 20s;
  RunOptions told = silent;
  told.listener = [](Instant, const NodeName&, const std::string&) {};
  EXPECT_EQ(run_seed(5, silent).digest, run_seed(5, told).digest);
}

// The referee must see what it is there for: each of these is done to the world behind the agents'
// backs.
class RefereeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.form_cluster();
    world_.start_all_agents();
    ASSERT_TRUE(world_.run_until(Instant{} + 20s));
    ASSERT_NE(world_.referee().primary(), nullptr);
  }
  SimServer& some_standby() {
    for (auto& host : world_.hosts()) {
      if (host->server().is_in_recovery()) return host->server();
    }
    return world_.hosts().front()->server();
  }
  [[nodiscard]] std::string violation() { return world_.referee().violation().value_or("none"); }

  World world_{1, {"a", "b", "c"}, HerdPlan("{\"ttl\":6,\"loop_wait\":1,\"retry_timeout\":2}")};
};

TEST_F(RefereeTest, AHealthyHerdIsAtRest) {
  EXPECT_EQ(world_.referee().unsettled(), std::nullopt);
}

TEST_F(RefereeTest, APromotionWithoutTheKeyIsSeen) {
  some_standby().promote();
  EXPECT_EQ(violation().substr(0, 2), "A2");
}

TEST_F(RefereeTest, AnAgentThatIsWokenWithoutEndIsSeen) {
  const int most = world_.referee().haste().most_wakes();
  ASSERT_GT(most, 0) << "nobody hears the clocks of the agents";
  for (int i = 0; i < Haste::bound_of_wakes(); ++i)
    world_.referee().woken("nobody");
  EXPECT_EQ(violation(), "none");
  world_.referee().woken("nobody");
  EXPECT_EQ(violation().substr(0, 2), "L7");
}

TEST_F(RefereeTest, APrimaryWhoseKeyIsGoneIsSeen) {
  Transaction deletion;
  deletion.writes.push_back(Delete{.key = world_.key("leader")});
  (void)world_.store().memory().commit(deletion);
  world_.referee().look();
  EXPECT_EQ(violation().substr(0, 2), "A3");
}

TEST_F(RefereeTest, TheRemovalOfTheLastCopyIsSeen) {
  auto& kept = some_standby();
  kept.may_be_removed = true;  // even what an operator allows
  for (auto& host : world_.hosts()) {
    if (&host->server() != &kept) host->server().directory().state = DataDirectory::Missing;
  }
  world_.referee().removing(kept);
  EXPECT_EQ(violation().substr(0, 2), "F2");
}

TEST_F(RefereeTest, ARemovalThatNobodyAllowedIsSeen) {
  world_.referee().removing(some_standby());
  EXPECT_EQ(violation().substr(0, 2), "B8");
}

TEST_F(RefereeTest, AStandbyOnAForkIsSeen) {
  auto& standby = some_standby();
  standby.directory().wal.append({.id = 999'999, .timeline = Timeline{1}, .end = Lsn{0x2000000}});
  world_.referee().attached(standby, *world_.referee().primary());
  EXPECT_EQ(violation().substr(0, 2), "F1");
}

}  // namespace
}  // namespace pgherd::sim
