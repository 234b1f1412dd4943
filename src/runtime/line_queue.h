// Lines on their way to a slow place: whoever adds one does not wait, a thread of the queue's own
// hands them over in order. Usable from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pgherd {

class LineQueue {
 public:
  // `write` is called on the queue's thread alone. `lines_max`: more do not wait; 0: no limit.
  LineQueue(std::function<void(const std::string&)> write, std::size_t lines_max);
  // Waits until all that waits is written.
  ~LineQueue();
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  // False: there is no room, and the line is lost.
  [[nodiscard]] bool add(std::string line);
  // The one that is being written counts.
  [[nodiscard]] std::size_t size() const;

 private:
  void run();

  const std::function<void(const std::string&)> write_;
  const std::size_t lines_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
  bool ends_ = false;
  std::thread writer_;  // last: it uses all the others
};

}  // namespace pgherd
