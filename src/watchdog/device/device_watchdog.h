// DeviceWatchdog: the watchdog behind a Linux device file (kernel documentation,
// watchdog/watchdog-api), or, for trials without one, behind a FIFO (driver `testing`): there the
// timeout is written as a line "Ctimeout=<seconds>".
//
// Threads: the owner's loop; the calls are short and never wait.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "runtime/unique_fd.h"
#include "watchdog/watchdog.h"

namespace pgherd {

class DeviceWatchdog final : public Watchdog {
 public:
  DeviceWatchdog(boost::asio::any_io_executor loop, std::string device, const std::string& driver);
  // An active device is left armed: whoever goes without disarming it is not to be trusted.
  ~DeviceWatchdog() override;

  void activate(Milliseconds timeout, Answer done) override;
  void feed(Answer done) override;
  void disarm(Answer done) override;

 private:
  [[nodiscard]] std::string open_device();
  [[nodiscard]] std::string set_timeout(Milliseconds timeout);
  [[nodiscard]] std::string write_byte(char byte);
  void answer(Answer done, std::string problem);

  boost::asio::any_io_executor loop_;
  std::string device_;
  bool is_testing_;
  UniqueFd file_;
  bool can_be_closed_ = true;  // the device stops when "V" was written before it is closed
  Milliseconds timeout_{};
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace pgherd
