#include "routing/lag_meter.h"

#include <algorithm>

namespace pgherd {
namespace {

// Longer ago than anybody sets as a limit; beyond it a lag counts as at least so long.
constexpr std::size_t kMarksMax = 4096;

}  // namespace

void LagMeter::primary_is_at(Lsn position, Instant now) {
  if (!position.is_known()) return;
  while (!marks_.empty() && marks_.back().first > position)
    marks_.pop_back();
  if (!marks_.empty() && marks_.back().first == position) return;
  marks_.emplace_back(position, now);
  if (marks_.size() > kMarksMax) marks_.pop_front();
}

Milliseconds LagMeter::behind(Lsn replayed, Instant now) const {
  const auto passed = std::find_if(marks_.begin(), marks_.end(),
                                   [replayed](const auto& mark) { return mark.first > replayed; });
  if (passed == marks_.end()) return Milliseconds(0);
  return std::chrono::duration_cast<Milliseconds>(now - passed->second);
}

}  // namespace pgherd
