#include "runtime/pid_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <memory>

#include "runtime/process.h"

namespace pgherd {
namespace {

struct PidWatchTest : testing::Test {
  std::unique_ptr<ChildProcess> sleeper() {
    ProcessSpec spec;
    spec.argv = {"sleep", "1000"};
    return std::move(ChildProcess::start(loop.get_executor(), spec).value());
  }
  boost::asio::io_context loop;
};

TEST_F(PidWatchTest, tells_that_the_process_ended) {
  const auto child = sleeper();
  const auto identity = identify_process(child->pid());
  ASSERT_TRUE(identity);
  EXPECT_TRUE(is_running(*identity));
  bool told = false;
  const auto watch = PidWatch::start(loop.get_executor(), *identity, [&] { told = true; }).value();
  EXPECT_TRUE(signal_process(*identity, SIGKILL));
  loop.run();
  EXPECT_TRUE(told);
  EXPECT_FALSE(is_running(*identity));
  EXPECT_FALSE(identify_process(child->pid()));
}

TEST_F(PidWatchTest, another_process_with_the_same_pid_is_not_the_one) {
  ProcessIdentity other = identify_process(::getpid()).value();
  other.started += 1;
  EXPECT_FALSE(is_running(other));
  EXPECT_FALSE(signal_process(other, SIGTERM));
  bool told = false;
  const auto watch = PidWatch::start(loop.get_executor(), other, [&] { told = true; }).value();
  EXPECT_FALSE(told);
  loop.run();
  EXPECT_TRUE(told);
}

TEST_F(PidWatchTest, a_destroyed_watch_is_silent) {
  const auto child = sleeper();
  bool told = false;
  auto watch = PidWatch::start(loop.get_executor(), *identify_process(child->pid()), [&] {
                 told = true;
               }).value();
  watch.reset();
  child->signal(SIGKILL);
  loop.run();
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace pgherd
