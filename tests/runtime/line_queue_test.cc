#include "runtime/line_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

namespace pgherd {
namespace {

TEST(LineQueue, HandsOverInOrderAllThatItTook) {
  std::vector<std::string> written;
  LineQueue queue([&](const std::string& line) { written.push_back(line); }, 0);
  for (int i = 0; i < 3000; ++i)
    ASSERT_TRUE(queue.add(std::to_string(i)));
  ASSERT_TRUE(queue.drain(60s));
  ASSERT_EQ(written.size(), 3000U);
  for (int i = 0; i < 3000; ++i)
    EXPECT_EQ(written[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST(LineQueue, WritesWhatItHasAlsoWhenNobodyWaits) {
  std::promise<void> all_are_written;
  {
    LineQueue queue(
        [&, number = 0](const std::string&) mutable {
          if (++number == 3000) all_are_written.set_value();
        },
        0);
    for (int i = 0; i < 3000; ++i)
      ASSERT_TRUE(queue.add("line"));
  }
  all_are_written.get_future().wait();
}

// A queue whose first line does not come to its end before somebody says so.
struct Stuck {
  std::promise<void> is_writing;
  std::promise<void> may_go_on;
  std::vector<std::string> written;
  LineQueue queue{[this](const std::string& line) {
                    if (written.empty()) {
                      is_writing.set_value();
                      may_go_on.get_future().wait();
                    }
                    written.push_back(line);
                  },
                  2};
};

TEST(LineQueue, TakesNoMoreThanItMayHoldUntilThereIsRoomAgain) {
  Stuck stuck;
  EXPECT_TRUE(stuck.queue.add("a"));
  stuck.is_writing.get_future().wait();
  EXPECT_TRUE(stuck.queue.add("b"));
  EXPECT_FALSE(stuck.queue.add("c"));
  EXPECT_EQ(stuck.queue.size(), 2U);
  stuck.may_go_on.set_value();
  EXPECT_TRUE(stuck.queue.drain(60s));
  EXPECT_EQ(stuck.written, (std::vector<std::string>{"a", "b"}));
}

TEST(LineQueue, WaitsForAPlaceThatHangsNoLongerThanItIsTold) {
  Stuck stuck;
  EXPECT_TRUE(stuck.queue.add("a"));
  EXPECT_FALSE(stuck.queue.drain(20ms));
  stuck.may_go_on.set_value();
  EXPECT_TRUE(stuck.queue.drain(60s));
}

}  // namespace
}  // namespace pgherd
