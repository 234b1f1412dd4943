// Watching processes that are not our children: a postmaster that outlived an agent, a guardian.
// A pid alone is not an identity (it may be reused), pid and start time are.
//
// Threads: PidWatch on its loop's thread; the functions anywhere.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace pgherd {

struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t started = 0;  // clock ticks since boot, from /proc/<pid>/stat
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

// Empty: no such process, or it has ended and only waits to be reaped.
[[nodiscard]] std::optional<ProcessIdentity> identify_process(pid_t pid);

// It runs, and is still the one that was identified.
[[nodiscard]] bool is_running(const ProcessIdentity& process);

// Signals exactly this process, never a later one with its pid. False: it is gone, or not ours.
bool signal_process(const ProcessIdentity& process, int number);

class PidWatch {
 public:
  // `ended` is called once, never from inside `start`; at once if the process is gone already.
  // After destruction it is not called. The error text is for the log (no permission, too many
  // files).
  [[nodiscard]] static Result<std::unique_ptr<PidWatch>, std::string> start(
      const boost::asio::any_io_executor& loop, const ProcessIdentity& process,
      std::function<void()> ended);
  ~PidWatch();
  PidWatch(const PidWatch&) = delete;
  PidWatch& operator=(const PidWatch&) = delete;

 private:
  class State;
  explicit PidWatch(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace pgherd
