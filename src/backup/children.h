// Children: runs tools one after the other, waits for them, and ends them when the command is asked
// to end (SIGINT, SIGTERM, SIGHUP). The only one here who waits.
//
// Threads: the one that made it. While it lives, those signals end the command in this way only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/instant.h"
#include "runtime/process.h"

namespace pgherd::backup {

class Children {
 public:
  // `patience`: for all children together; what then still runs is ended.
  explicit Children(Duration patience);

  // Runs it to its end. Throws BackupError if it cannot be started or the patience is over,
  // Interrupted if a signal came: in either case it is gone by then.
  [[nodiscard]] ProcessEnd run(ProcessSpec spec);

  // Starts it and does not wait; it ends at the latest with this process.
  [[nodiscard]] std::unique_ptr<ChildProcess> start(ProcessSpec spec);
  // Lets time pass, at most `time`, until `child` has ended. Throws Interrupted.
  void wait(ChildProcess& child, Duration time);
  // Asks a started child to end by `number`, and kills it after `grace`. Gone on return.
  void end(ChildProcess& child, int number, Duration grace);

  // From now on signals no longer interrupt: what was begun has to be removed.
  void begin_cleanup() { is_cleaning_up_ = true; }

  // What is left of the patience. Throws BackupError when nothing is.
  [[nodiscard]] Duration left(const std::string& what) const;

 private:
  void hear_signals();
  void throw_if_interrupted() const;
  void run_until(const std::function<bool()>& is_over, Duration time);

  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  Instant until_;
  int signal_ = 0;
  bool is_cleaning_up_ = false;
  ChildProcess* running_ = nullptr;
};

}  // namespace pgherd::backup
