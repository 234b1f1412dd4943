#include "runtime/line_queue.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace pgherd {

struct LineQueue::Shared {
  std::function<void(const std::string&)> write;
  std::size_t lines_max = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> lines;
  bool ends = false;
};

LineQueue::LineQueue(std::function<void(const std::string&)> write, std::size_t lines_max)
    : shared_(std::make_shared<Shared>()) {
  shared_->write = std::move(write);
  shared_->lines_max = lines_max;
  std::thread([shared = shared_] { run(*shared); }).detach();
}

LineQueue::~LineQueue() {
  const std::lock_guard lock(shared_->mutex);
  shared_->ends = true;
  shared_->changed.notify_all();
}

bool LineQueue::add(std::string line) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->lines_max > 0 && shared_->lines.size() >= shared_->lines_max) return false;
  shared_->lines.push_back(std::move(line));
  shared_->changed.notify_all();
  return true;
}

std::size_t LineQueue::size() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->lines.size();
}

bool LineQueue::drain(Duration patience) {
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_for(lock, patience, [this] { return shared_->lines.empty(); });
}

void LineQueue::run(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  while (true) {
    shared.changed.wait(lock, [&] { return shared.ends || !shared.lines.empty(); });
    if (shared.lines.empty()) return;
    // It stays where it is while others are added behind it.
    const std::string& line = shared.lines.front();
    lock.unlock();
    shared.write(line);
    lock.lock();
    shared.lines.pop_front();
    if (shared.lines.empty()) shared.changed.notify_all();
  }
}

}  // namespace pgherd
