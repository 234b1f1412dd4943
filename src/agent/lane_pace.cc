#include "agent/lane_pace.h"

#include <algorithm>

namespace pgherd {
namespace {

constexpr Duration kWindow = 1s;
constexpr Duration kFirstPause = 100ms;
constexpr Duration kForgets = 10s;

bool is_held(Lane lane) {
  return lane != Lane::Lease && lane != Lane::Control;
}

// Of the pause after failures. Upkeep can wait; nobody is refused anything meanwhile.
Duration longest_pause(Lane lane) {
  switch (lane) {
    case Lane::Slots:
    case Lane::Checkpoint:
    case Lane::Replay:
    case Lane::Configuration:
      return 5s;
    default:
      return 500ms;
  }
}

}  // namespace

void LanePace::started(Lane lane, Instant now) {
  if (!is_held(lane)) return;
  Pace& pace = lanes_[lane];
  while (!pace.starts.empty() && now - pace.starts.front() >= kWindow)
    pace.starts.pop_front();
  if (pace.starts.empty()) pace.has_run_away = false;
  pace.starts.push_back(now);
  pace.has_run_away = pace.has_run_away || pace.starts.size() >= kMostSteps;
  if (pace.has_run_away) pace.rests_until = std::max(pace.rests_until, now + kStep);
}

void LanePace::ended(Lane lane, bool has_failed, Instant now) {
  // Acts on PostgreSQL have a pause of their own (retry_act_at).
  if (!is_held(lane) || lane == Lane::Instance) return;
  Pace& pace = lanes_[lane];
  if (!has_failed) {
    pace.failures = 0;
    return;
  }
  if (now - pace.failed_at >= kForgets) pace.failures = 0;
  pace.failed_at = now;
  const Duration pause =
      std::min(kFirstPause * (1 << std::min(pace.failures, 8)), longest_pause(lane));
  ++pace.failures;
  pace.rests_until = std::max(pace.rests_until, now + pause);
}

std::map<Lane, Instant> LanePace::resting(Instant now) const {
  std::map<Lane, Instant> found;
  for (const auto& [lane, pace] : lanes_) {
    if (now < pace.rests_until) found.emplace(lane, pace.rests_until);
  }
  return found;
}

std::set<Lane> LanePace::run_away(Instant now) const {
  std::set<Lane> found;
  for (const auto& [lane, pace] : lanes_) {
    if (pace.has_run_away && now - pace.starts.back() < kWindow) found.insert(lane);
  }
  return found;
}

}  // namespace pgherd
