// KeptProgram: one program that is kept alive. Starts it, or adopts the one that an earlier
// supervisor started; starts it again when it ends, after a pause that grows from 0.2 s to 2 s
// while it keeps ending early.
//
// Threads: on the loop. Destroying a KeptProgram leaves the program running.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "base/instant.h"
#include "local/herd.h"
#include "runtime/pid_watch.h"
#include "runtime/process.h"

namespace pgherd::local {

class KeptProgram {
 public:
  // `part` is kept up to date, `changed` is called after each change. Both outlive the KeptProgram.
  KeptProgram(const boost::asio::any_io_executor& loop, Part& part, std::function<void()> changed);
  KeptProgram(const KeptProgram&) = delete;
  KeptProgram& operator=(const KeptProgram&) = delete;

  void keep_alive();
  // SIGTERM now, SIGKILL after `patience`; not started again. `stopped` is called once, later, also
  // if there was nothing to stop.
  void stop(Duration patience, std::function<void()> stopped);

 private:
  void start();
  bool adopt();  // false: it cannot be watched
  void ended(const std::string& how);
  void start_later();
  void tell_stopped();

  boost::asio::any_io_executor loop_;
  Part& part_;
  std::function<void()> changed_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<ChildProcess> child_;
  std::unique_ptr<PidWatch> watch_;
  Instant started_;
  Duration pause_;
  bool is_stopping_ = false;
  std::function<void()> stopped_;
};

}  // namespace pgherd::local
