#include "runtime/line_queue.h"

#include <utility>

namespace pgherd {

LineQueue::LineQueue(std::function<void(const std::string&)> write, std::size_t lines_max)
    : write_(std::move(write)), lines_max_(lines_max), writer_([this] { run(); }) {}

LineQueue::~LineQueue() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  writer_.join();
}

bool LineQueue::add(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    if (lines_max_ > 0 && lines_.size() >= lines_max_) return false;
    lines_.push_back(std::move(line));
  }
  changed_.notify_one();
  return true;
}

std::size_t LineQueue::size() const {
  const std::lock_guard lock(mutex_);
  return lines_.size();
}

void LineQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ends_ || !lines_.empty(); });
    if (lines_.empty()) return;
    const std::string& line = lines_.front();  // stays where it is while others are added behind it
    lock.unlock();
    write_(line);
    lock.lock();
    lines_.pop_front();
  }
}

}  // namespace pgherd
