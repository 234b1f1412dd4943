#include "sim/haste.h"

#include <algorithm>

namespace pgherd::sim {
namespace {

int within_a_second(std::deque<Instant>& times, Instant now) {
  while (!times.empty() && now - times.front() >= 1s)
    times.pop_front();
  times.push_back(now);
  return static_cast<int>(times.size());
}

}  // namespace

int Haste::started(const NodeName& who, Lane lane, Instant now) {
  const int count = within_a_second(starts_[{who, lane}], now);
  int& most = most_[lane];
  most = std::max(most, count);
  return count;
}

int Haste::woken(const NodeName& who, Instant now) {
  const int count = within_a_second(wakes_[who], now);
  most_wakes_ = std::max(most_wakes_, count);
  return count;
}

}  // namespace pgherd::sim
