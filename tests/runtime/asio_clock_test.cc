#include "runtime/asio_clock.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

namespace pgherd {
namespace {

struct AsioClockTest : testing::Test {
  boost::asio::io_context loop;
  AsioClock clock{loop.get_executor()};
  std::string heard;
};

TEST_F(AsioClockTest, rings_in_the_order_of_the_instants_and_never_early) {
  const Instant start = clock.now();
  Instant rang;
  const auto later = clock.at(start + 20ms, [&] {
    heard += "later ";
    rang = clock.now();
  });
  const auto sooner = clock.at(start + 5ms, [&] { heard += "sooner "; });
  const auto first = clock.at(start + 5ms, [&] { heard += "next "; });
  loop.run();
  EXPECT_EQ(heard, "sooner next later ");
  EXPECT_GE(rang, start + 20ms);
}

TEST_F(AsioClockTest, what_is_past_rings_soon_but_not_from_inside_the_call) {
  const auto past = clock.at(clock.now() - 10s, [&] { heard += "rang"; });
  heard += "asked ";
  loop.run();
  EXPECT_EQ(heard, "asked rang");
}

TEST_F(AsioClockTest, a_destroyed_alarm_is_silent) {
  auto silent = clock.at(clock.now() + 5ms, [&] { heard += "silent "; });
  const auto rings = clock.at(clock.now() + 10ms, [&] { heard += "rings"; });
  silent.reset();
  loop.run();
  EXPECT_EQ(heard, "rings");
}

TEST_F(AsioClockTest, an_alarm_may_be_destroyed_and_set_again_by_its_own_call) {
  std::unique_ptr<Alarm> alarm;
  int rings = 0;
  std::function<void()> ring = [&] {
    alarm.reset();
    if (++rings < 3) alarm = clock.at(clock.now(), ring);
  };
  alarm = clock.at(clock.now() + 1ms, ring);
  loop.run();
  EXPECT_EQ(rings, 3);
}

TEST_F(AsioClockTest, an_alarm_may_outlive_its_clock) {
  auto brief = std::make_unique<AsioClock>(loop.get_executor());
  const auto alarm = brief->at(brief->now() + 1ms, [&] { heard += "rang"; });
  brief.reset();
  loop.run();
  EXPECT_EQ(heard, "");
}

}  // namespace
}  // namespace pgherd
