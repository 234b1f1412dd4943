#include "drill/writes.h"

#include <algorithm>

namespace pgherd::drill {

std::optional<Silence> longest_silence(const WriteRecord& record, Instant since, Instant now) {
  const auto& all = record.acknowledged;
  if (all.empty() || all.front().at >= since) return std::nullopt;
  std::optional<Silence> longest;
  for (std::size_t next = 1; next <= all.size(); ++next) {
    const Silence silence{.began = all[next - 1].at,
                          .ended = next < all.size() ? all[next].at : now};
    if (silence.ended < since) continue;
    if (!longest || silence.length() > longest->length()) longest = silence;
  }
  return longest;
}

std::int64_t lost_rows(const WriteRecord& record, const std::set<std::int64_t>& found) {
  return std::count_if(record.acknowledged.begin(), record.acknowledged.end(),
                       [&](const Acknowledged& write) { return !found.contains(write.row); });
}

}  // namespace pgherd::drill
