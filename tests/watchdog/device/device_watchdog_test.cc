#include "watchdog/device/device_watchdog.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdlib>

namespace pgherd::test {
namespace {

// A FIFO in place of a device, and who reads it.
class Device : public ::testing::Test {
 public:
  Device() {
    std::array<char, 64> name{"/tmp/pgherd-watchdog-XXXXXX"};
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/device";
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  }
  ~Device() override {
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }

 protected:
  void read_it() { reader_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }
  std::string had() {
    std::array<char, 256> text{};
    const ssize_t got = ::read(reader_.get(), text.data(), text.size());
    return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }
  template <typename Call>
  WatchdogView answer_to(Call call) {
    WatchdogView seen;
    call([&seen](WatchdogView view) { seen = std::move(view); });
    io_.restart();
    io_.run();
    return seen;
  }

  std::string directory_;
  std::string path_;
  UniqueFd reader_;
  boost::asio::io_context io_;
};

TEST_F(Device, IsGivenItsTimeoutFedAndDisarmed) {
  read_it();
  DeviceWatchdog watchdog(io_.get_executor(), path_, "testing");
  const auto active = answer_to(
      [&](Watchdog::Answer done) { watchdog.activate(Milliseconds(7000), std::move(done)); });
  EXPECT_TRUE(active.is_active) << active.problem;
  EXPECT_EQ(active.timeout, Milliseconds(7000));
  EXPECT_EQ(had(), "Ctimeout=7\n1");
  EXPECT_TRUE(answer_to([&](Watchdog::Answer done) { watchdog.feed(std::move(done)); }).is_active);
  EXPECT_EQ(had(), "1");
  EXPECT_FALSE(
      answer_to([&](Watchdog::Answer done) { watchdog.disarm(std::move(done)); }).is_active);
  EXPECT_EQ(had(), "V");
}

TEST_F(Device, ThatIsNotThereIsAProblemInWords) {
  DeviceWatchdog watchdog(io_.get_executor(), directory_ + "/none", "");
  const auto view = answer_to(
      [&](Watchdog::Answer done) { watchdog.activate(Milliseconds(7000), std::move(done)); });
  EXPECT_FALSE(view.is_active);
  EXPECT_NE(view.problem.find("/none"), std::string::npos);
}

TEST_F(Device, ThatCannotBeGivenATimeoutIsNotHeld) {
  read_it();
  DeviceWatchdog watchdog(io_.get_executor(), path_, "");  // a FIFO knows no ioctl
  const auto view = answer_to(
      [&](Watchdog::Answer done) { watchdog.activate(Milliseconds(7000), std::move(done)); });
  EXPECT_FALSE(view.is_active);
  EXPECT_FALSE(view.problem.empty());
}

TEST_F(Device, IsLeftArmedByWhoGoesWithoutAWord) {
  read_it();
  {
    DeviceWatchdog watchdog(io_.get_executor(), path_, "testing");
    answer_to(
        [&](Watchdog::Answer done) { watchdog.activate(Milliseconds(7000), std::move(done)); });
  }
  EXPECT_EQ(had(), "Ctimeout=7\n1");
}

}  // namespace
}  // namespace pgherd::test
