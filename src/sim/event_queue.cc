#include "sim/event_queue.h"

#include <algorithm>

namespace pgherd::sim {

EventQueue::Ticket EventQueue::at(Instant when, Call call) {
  const Ticket ticket{std::max(when, now_), next_++};
  if (!when.is_never()) calls_.emplace(ticket, std::move(call));
  return ticket;
}

bool EventQueue::run_next(Instant until) {
  if (calls_.empty() || calls_.begin()->first.first > until) {
    now_ = std::max(now_, until);
    return false;
  }
  const auto next = calls_.extract(calls_.begin());
  now_ = next.key().first;
  ++events_;
  mix(static_cast<std::uint64_t>(now_.nanoseconds()));
  next.mapped()();
  return true;
}

}  // namespace pgherd::sim
