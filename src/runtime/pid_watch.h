// Watching processes that are not our children: a postmaster that outlived an agent, a guardian.
//
// Threads: on the loop's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "runtime/process_identity.h"

namespace pgherd {

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
