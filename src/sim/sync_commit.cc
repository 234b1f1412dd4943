#include "sim/sync_commit.h"

#include <algorithm>
#include <utility>

namespace pgherd::sim {
namespace {

SyncNames read(const std::string& text) {
  SyncNames unreadable;
  unreadable.has_star = true;
  unreadable.count = 1;
  return parse_sync_names(text).value_or(unreadable);
}

// Up to where commits are acknowledged by these names.
Lsn acknowledged_by(const SyncNames& names, const SyncCommit::Reported& reported) {
  std::vector<Lsn> have;
  for (const auto& [name, position] : reported) {
    if (names.has_star || names.names.contains(name)) have.push_back(position);
  }
  const auto count = static_cast<std::size_t>(names.count);
  if (have.size() < count) return {};
  // FIRST: the first of them in the order of the list, and those must all have it.
  if (names.method == SyncNames::Method::First) have.resize(count);
  std::sort(have.rbegin(), have.rend());
  return have[count - 1];
}

}  // namespace

void SyncCommit::begin(const std::string& text) {
  in_force_ = {read(text)};
  ++version_;
  waiting_.clear();
}

void SyncCommit::reload(const std::string& text) {
  in_force_.push_back(read(text));
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
                                  [](const SyncNames& names) { return names.is_empty(); });
  Lsn upto;
  for (const SyncNames& names : in_force_) {
    if (!names.is_empty()) upto = std::max(upto, acknowledged_by(names, reported));
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
  const SyncNames& names = in_force_.back();
  if (!names.has_star && !names.names.contains(name)) return "async";
  return names.method == SyncNames::Method::Any ? "quorum" : "sync";
}

Instant SyncCommit::waiting_since() const {
  Instant since = Instant::never();
  for (const Waiting& one : waiting_)
    since = std::min(since, one.since);
  return since;
}

}  // namespace pgherd::sim
