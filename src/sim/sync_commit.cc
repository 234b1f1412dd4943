#include "sim/sync_commit.h"

#include <algorithm>
#include <utility>

namespace pgherd::sim {
namespace {

// Up to where commits are acknowledged by this list.
Lsn acknowledged_by(const StandbyList& list, const SyncCommit::Reported& reported) {
  std::vector<std::pair<std::size_t, Lsn>> have;  // by place in the list
  for (const auto& [name, position] : reported) {
    if (const auto place = list.place_of(name)) have.emplace_back(*place, position);
  }
  if (have.size() < list.count) return {};
  if (!list.is_any) {
    std::stable_sort(have.begin(), have.end(),
                     [](const auto& left, const auto& right) { return left.first < right.first; });
    have.resize(list.count);
  }
  std::sort(have.begin(), have.end(),
            [](const auto& left, const auto& right) { return left.second > right.second; });
  return have[list.count - 1].second;
}

}  // namespace

void SyncCommit::begin(const std::string& text) {
  in_force_ = {read_standby_list(text)};
  ++version_;
  waiting_.clear();
}

void SyncCommit::reload(const std::string& text) {
  in_force_.push_back(read_standby_list(text));
  ++version_;
}

void SyncCommit::settle() {
  in_force_ = {in_force_.back()};
  ++version_;
}

void SyncCommit::end() {
  waiting_.clear();
}

void SyncCommit::wait(std::uint64_t id, Lsn end, Instant now, OnCommit told) {
  waiting_.push_back({.id = id, .end = end, .since = now, .told = std::move(told)});
}

void SyncCommit::release(const Reported& reported) {
  if (waiting_.empty()) return;
  const bool is_off = std::any_of(in_force_.begin(), in_force_.end(),
                                  [](const StandbyList& list) { return list.is_empty(); });
  Lsn upto;
  for (const StandbyList& list : in_force_) {
    if (!list.is_empty()) upto = std::max(upto, acknowledged_by(list, reported));
  }
  std::vector<Waiting> done;
  std::erase_if(waiting_, [&](Waiting& one) {
    const bool is_done = is_off || (upto.is_known() && one.end <= upto);
    if (is_done) done.push_back(one);
    return is_done;
  });
  for (const Waiting& one : done) {
    one.told({.id = one.id, .is_synchronous = upto.is_known() && one.end <= upto});
  }
}

std::string SyncCommit::state_of(const NodeName& name) const {
  const StandbyList& list = in_force_.back();
  if (!list.place_of(name)) return "async";
  return list.is_any ? "quorum" : "sync";
}

Instant SyncCommit::waiting_since() const {
  Instant since = Instant::never();
  for (const Waiting& one : waiting_)
    since = std::min(since, one.since);
  return since;
}

}  // namespace pgherd::sim
