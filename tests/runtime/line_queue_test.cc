#include "runtime/line_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

namespace pgherd {
namespace {

TEST(LineQueue, HandsOverInOrderAllThatItTookBeforeItEnds) {
  std::vector<std::string> written;
  {
    LineQueue queue([&](const std::string& line) { written.push_back(line); }, 0);
    for (int i = 0; i < 3000; ++i)
      ASSERT_TRUE(queue.add(std::to_string(i)));
  }
  ASSERT_EQ(written.size(), 3000U);
  for (int i = 0; i < 3000; ++i)
    EXPECT_EQ(written[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST(LineQueue, TakesNoMoreThanItMayHoldUntilThereIsRoomAgain) {
  std::promise<void> is_writing;
  std::promise<void> may_go_on;
  bool is_first = true;
  std::vector<std::string> written;
  {
    LineQueue queue(
        [&](const std::string& line) {
          if (is_first) {
            is_first = false;
            is_writing.set_value();
            may_go_on.get_future().wait();
          }
          written.push_back(line);
        },
        2);
    EXPECT_TRUE(queue.add("a"));
    is_writing.get_future().wait();
    EXPECT_TRUE(queue.add("b"));
    EXPECT_FALSE(queue.add("c"));
    EXPECT_EQ(queue.size(), 2U);
    may_go_on.set_value();
  }
  EXPECT_EQ(written, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace pgherd
