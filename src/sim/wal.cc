#include "sim/wal.h"

#include <algorithm>

namespace pgherd::sim {

void Wal::append(const WalRecord& record) {
  if (!records_.empty() && records_.back().timeline != record.timeline) {
    switches_.push_back({.parent = records_.back().timeline, .at = records_.back().end});
  }
  records_.push_back(record);
}

std::vector<HistoryRow> Wal::history() const {
  std::vector<HistoryRow> rows;
  for (const auto& one : switches_) {
    rows.push_back({.parent = one.parent,
                    .switched_at = one.at,
                    .reason = "no recovery target specified",
                    .timestamp = "",
                    .new_leader = ""});
  }
  return rows;
}

bool Wal::could_serve(Timeline wanted, Lsn from) const {
  if (wanted == timeline()) return from <= end();
  const auto left = std::find_if(switches_.begin(), switches_.end(),
                                 [&](const Switch& one) { return one.parent == wanted; });
  return left != switches_.end() && from <= left->at;
}

bool Wal::continues(const Wal& other) const {
  if (other.empty()) return true;
  const auto last = other.size() - 1;
  return contains(other[last].id, last);
}

}  // namespace pgherd::sim
