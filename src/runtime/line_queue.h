// Lines on their way to a slow place: whoever adds one does not wait, a thread of the queue's own
// hands them over in order. Usable from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/instant.h"

namespace pgherd {

class LineQueue {
 public:
  // `write` is called on the queue's thread alone, which may outlive the queue. `lines_max`: more
  // do not wait; 0: no limit.
  LineQueue(std::function<void(const std::string&)> write, std::size_t lines_max);
  // Waits for nothing, for the place may hang: the thread writes what it has, and ends.
  ~LineQueue();
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  // False: there is no room, and the line is lost.
  [[nodiscard]] bool add(std::string line);
  // The one that is being written counts.
  [[nodiscard]] std::size_t size() const;
  // Until all that was added is written. False: that has not happened within `patience`.
  [[nodiscard]] bool drain(Duration patience);

 private:
  struct Shared;
  static void run(Shared& shared);

  std::shared_ptr<Shared> shared_;  // with the thread
};

}  // namespace pgherd
