#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/event_queue.h"
#include "sim/local_time.h"
#include "sim/mailbox.h"
#include "sim/sim_clock.h"

namespace pgherd::sim {
namespace {

TEST(EventQueue, RunsCallsByTimeAndThenByTheOrderInWhichTheyWereAskedFor) {
  EventQueue queue;
  std::vector<int> order;
  queue.in(2s, [&] { order.push_back(3); });
  queue.in(1s, [&] { order.push_back(1); });
  queue.in(1s, [&] { order.push_back(2); });
  while (queue.run_next(Instant{} + 10s)) {
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(queue.now(), Instant{} + 10s);
}

TEST(EventQueue, ACancelledCallDoesNotRun) {
  EventQueue queue;
  bool has_run = false;
  const auto ticket = queue.in(1s, [&] { has_run = true; });
  queue.cancel(ticket);
  while (queue.run_next(Instant{} + 2s)) {
  }
  EXPECT_FALSE(has_run);
}

TEST(LocalTime, AFastClockShowsAnInstantEarlierThanItIs) {
  const LocalTime fast(Instant{} + 10s, 50'000);
  const auto shown = fast.local(Instant{} + 110s) - fast.local(Instant{} + 10s);
  EXPECT_EQ(shown, 105s);
}

TEST(LocalTime, TheTrueInstantOfALocalOneIsNeverTooEarly) {
  for (const std::int64_t drift : {-50'000, -7, 0, 13, 50'000}) {
    const LocalTime time(Instant{} + 3s, drift);
    for (int i = 0; i < 1000; ++i) {
      const auto local = time.local(Instant{} + 3s) + Duration(i * 977'777'777LL);
      EXPECT_GE(time.local(time.true_time(local)), local) << drift << " " << i;
    }
  }
}

TEST(SimClock, AlarmsOfAFrozenAgentComeAllAtOnceWhenItGoesOn) {
  EventQueue queue;
  const LocalTime time(Instant{}, 0);
  const auto mailbox = std::make_shared<Mailbox>();
  const Duration wall_offset{};
  SimClock clock(queue, time, wall_offset, mailbox, [] {});
  std::vector<int> rung;
  const auto first = clock.at(clock.now() + 1s, [&] { rung.push_back(1); });
  const auto second = clock.at(clock.now() + 2s, [&] { rung.push_back(2); });
  mailbox->freeze();
  while (queue.run_next(Instant{} + 5s)) {
  }
  EXPECT_TRUE(rung.empty());
  mailbox->thaw();
  EXPECT_EQ(rung, (std::vector<int>{1, 2}));
}

TEST(SimClock, ADestroyedAlarmIsSilentEvenIfItRangWhileTheAgentWasFrozen) {
  EventQueue queue;
  const LocalTime time(Instant{}, 0);
  const auto mailbox = std::make_shared<Mailbox>();
  const Duration wall_offset{};
  SimClock clock(queue, time, wall_offset, mailbox, [] {});
  bool has_rung = false;
  auto alarm = clock.at(clock.now() + 1s, [&] { has_rung = true; });
  mailbox->freeze();
  while (queue.run_next(Instant{} + 5s)) {
  }
  alarm.reset();
  mailbox->thaw();
  EXPECT_FALSE(has_rung);
}

}  // namespace
}  // namespace pgherd::sim
