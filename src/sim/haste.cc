#include "sim/haste.h"

#include <algorithm>

namespace pgherd::sim {

int Haste::started(const NodeName& who, Lane lane, Instant now) {
  auto& starts = starts_[{who, lane}];
  while (!starts.empty() && now - starts.front() >= 1s)
    starts.pop_front();
  starts.push_back(now);
  const int count = static_cast<int>(starts.size());
  int& most = most_[lane];
  most = std::max(most, count);
  return count;
}

}  // namespace pgherd::sim
