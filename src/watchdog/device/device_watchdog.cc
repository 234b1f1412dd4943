#include "watchdog/device/device_watchdog.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pgherd {
namespace {

std::string failure(const std::string& what, const std::string& device) {
  return fmt::format("cannot {} the watchdog {}: {}", what, device, std::strerror(errno));
}

}  // namespace

DeviceWatchdog::DeviceWatchdog(boost::asio::any_io_executor loop, std::string device,
                               const std::string& driver)
    : loop_(std::move(loop)), device_(std::move(device)), is_testing_(driver == "testing") {}

DeviceWatchdog::~DeviceWatchdog() = default;

void DeviceWatchdog::answer(Answer done, std::string problem) {
  WatchdogView view;
  view.is_active = file_.is_open();
  view.timeout = timeout_;
  view.problem = std::move(problem);
  boost::asio::post(loop_, [done = std::move(done), view, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) done(view);
  });
}

std::string DeviceWatchdog::open_device() {
  // A FIFO that nobody reads must not hold up the loop.
  file_ = UniqueFd(::open(device_.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file_.is_open()) return failure("open", device_);
  if (is_testing_) return {};
  watchdog_info info{};
  if (::ioctl(file_.get(), WDIOC_GETSUPPORT, &info) != 0) return failure("ask", device_);
  can_be_closed_ = (info.options & WDIOF_MAGICCLOSE) != 0;
  if ((info.options & WDIOF_SETTIMEOUT) == 0) {
    return fmt::format("the watchdog {} cannot be given a timeout", device_);
  }
  return {};
}

std::string DeviceWatchdog::set_timeout(Milliseconds timeout) {
  int seconds = static_cast<int>(timeout / 1s);
  if (is_testing_) {
    const std::string line = fmt::format("Ctimeout={}\n", seconds);
    const bool is_written =
        ::write(file_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (!is_written) return failure("give a timeout to", device_);
  } else {
    if (::ioctl(file_.get(), WDIOC_SETTIMEOUT, &seconds) != 0) {
      return failure("give a timeout to", device_);
    }
    // It may have taken another one than it was given.
    int taken = seconds;
    if (::ioctl(file_.get(), WDIOC_GETTIMEOUT, &taken) == 0 && taken > seconds) {
      return fmt::format("the watchdog {} resets after {} s at the earliest, {} s are needed",
                         device_, taken, seconds);
    }
  }
  timeout_ = timeout;
  return {};
}

std::string DeviceWatchdog::write_byte(char byte) {
  if (::write(file_.get(), &byte, 1) == 1) return {};
  return failure("write to", device_);
}

void DeviceWatchdog::activate(Milliseconds timeout, Answer done) {
  if (timeout < 1s) {
    return answer(std::move(done),
                  fmt::format("a watchdog timeout of {} ms is too short: raise ttl "
                              "or lower watchdog.safety_margin",
                              timeout.count()));
  }
  std::string problem = file_.is_open() ? std::string() : open_device();
  if (problem.empty()) problem = set_timeout(timeout);
  if (problem.empty()) problem = write_byte('1');
  // What cannot be trusted is not held: it would reset a machine that leads nothing.
  if (!problem.empty() && file_.is_open()) {
    static_cast<void>(write_byte('V'));
    file_.reset();
  }
  answer(std::move(done), std::move(problem));
}

void DeviceWatchdog::feed(Answer done) {
  std::string problem =
      file_.is_open() ? write_byte('1') : fmt::format("the watchdog {} is not open", device_);
  if (!problem.empty()) file_.reset();
  answer(std::move(done), std::move(problem));
}

void DeviceWatchdog::disarm(Answer done) {
  if (!file_.is_open()) return answer(std::move(done), {});
  if (!can_be_closed_) {
    std::string problem = write_byte('1');
    if (problem.empty()) problem = fmt::format("the watchdog {} cannot be disarmed", device_);
    return answer(std::move(done), std::move(problem));
  }
  std::string problem = write_byte('V');
  file_.reset();
  answer(std::move(done), std::move(problem));
}

}  // namespace pgherd
