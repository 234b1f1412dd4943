#include "sim/rest_check.h"

#include <algorithm>

#include "decide/decide.h"

namespace pgherd::sim {
namespace {

// Looking at PostgreSQL is what the agent does at rest by itself; that an act is to end is said
// with each decision until it has.
bool would_start(const Step& step, const Observation& seen, const Plan& before, Instant now) {
  const Lane lane = lane_of(step);
  if (lane == Lane::Observe || seen.under_way.contains(lane)) return false;
  if (lane == Lane::Control && std::find(before.begin(), before.end(), step) != before.end()) {
    return false;
  }
  const auto resting = seen.resting.find(lane);
  return resting == seen.resting.end() || resting->second <= now;
}

// By another rule it is no other order.
bool is_same_order(FenceOrder left, const FenceOrder& right) {
  left.rule = right.rule;
  return left == right;
}

}  // namespace

std::string overlooked_at_rest(const Agent& agent, Instant now) {
  const Observation& seen = agent.picture();
  const Decision& last = agent.last_decision();
  const Decision made = decide(seen, last.memory, now);
  for (const Step& step : made.plan) {
    if (would_start(step, seen, last.plan, now)) return "it would start " + to_string(step);
  }
  if (!is_same_order(made.fence, last.fence)) return "it would give the guardian another order";
  if (made.is_leader != last.is_leader) return "it would say another thing of who leads";
  if (made.own_member != last.own_member) return "it would say another thing of itself";
  if (made.summary != last.summary) return "it would say '" + made.summary + "'";
  return {};
}

}  // namespace pgherd::sim
