#include "sim/event_queue.h"

#include <algorithm>
#include <utility>

namespace pgherd::sim {

EventQueue::Ticket EventQueue::at(Instant when, Call call) {
  if (when.is_never()) return {};
  std::uint32_t place = 0;
  if (free_.empty()) {
    place = static_cast<std::uint32_t>(kept_.size());
    kept_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  const auto number = next_++;
  kept_[place].number = number;
  kept_[place].call = std::move(call);
  due_.push_back({.when = std::max(when, now_), .number = number, .place = place});
  std::push_heap(due_.begin(), due_.end());
  return {.number = number, .place = place};
}

void EventQueue::cancel(const Ticket& ticket) {
  if (ticket.number == 0 || kept_[ticket.place].number != ticket.number) return;
  // Its place in the heap is given back when its time comes.
  kept_[ticket.place].number = 0;
  kept_[ticket.place].call.reset();
}

void EventQueue::pop() {
  free_.push_back(due_.front().place);
  std::pop_heap(due_.begin(), due_.end());
  due_.pop_back();
}

bool EventQueue::run_next(Instant until) {
  while (!due_.empty() && kept_[due_.front().place].number == 0)
    pop();
  if (due_.empty() || due_.front().when > until) {
    now_ = std::max(now_, until);
    return false;
  }
  now_ = due_.front().when;
  ++events_;
  mix(static_cast<std::uint64_t>(now_.nanoseconds()));
  Kept& next = kept_[due_.front().place];
  next.number = 0;
  // Not given back before it has run: a call that it makes must not lie where it lies.
  const auto place = due_.front().place;
  std::pop_heap(due_.begin(), due_.end());
  due_.pop_back();
  next.call();
  next.call.reset();
  free_.push_back(place);
  return true;
}

}  // namespace pgherd::sim
