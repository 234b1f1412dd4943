#include "decide/rules/fence.h"

#include <algorithm>

#include "decide/facts/promise.h"

namespace pgherd {
namespace {

template <typename S>
bool is_planned(const Draft& draft) {
  const Plan& plan = draft.planned();
  return std::any_of(plan.begin(), plan.end(),
                     [](const Step& step) { return std::holds_alternative<S>(step); });
}

// By an act that is under way or is about to be.
bool is_being_opened(const Draft& draft) {
  const auto act = draft.seen.under_way.find(Lane::Instance);
  if (act != draft.seen.under_way.end() && may_open_for_writes(act->second.step)) return true;
  return std::any_of(draft.planned().begin(), draft.planned().end(), may_open_for_writes);
}

// A cluster that is being made has no leader key yet; its claim hangs on the same lease.
bool is_making_a_cluster(const Draft& draft) {
  return draft.seen.under_way_as<Bootstrap>(Lane::Instance) != nullptr ||
         draft.memory.bootstrap_is_unconfirmed || is_planned<Bootstrap>(draft);
}

// Bound to another lease, the key ends with that one, perhaps before anybody knows of the binding:
// the guardian must know first (sim seed 1575).
bool may_be_bound_anew(const Draft& draft) {
  return draft.seen.under_way_as<RebindLeaderKey>(Lane::LeaderKey) != nullptr ||
         may_be_bound_unknown(draft.seen.session) || is_planned<RebindLeaderKey>(draft);
}

bool may_be_running_as_primary(const InstanceView& instance) {
  return instance.process == ProcessState::Unknown ||
         (instance.process != ProcessState::Stopped && !instance.in_recovery.has_value());
}

Instant end_of(const Draft& draft, Instant since) {
  return since + lease_margins(draft.seen.settings, draft.seen.session.ttl).fence_after;
}

FenceOrder disarmed() {
  FenceOrder order;
  order.kind = FenceOrder::Kind::Disarmed;
  order.rule = "G4";
  return order;
}

FenceOrder while_open(const Draft& draft, bool is_being_opened) {
  const bool is_confirmed = draft.seen.session.leads || is_making_a_cluster(draft);
  if (!is_confirmed && !may_be_bound_anew(draft)) return draft.memory.fence;
  const Instant resumed = draft.memory.pause.first_renewal_since.value_or(Instant{});
  FenceOrder order;
  order.kind = FenceOrder::Kind::Armed;
  order.at = end_of(draft, std::max(leads_since(draft.seen), resumed));
  // The act brings a postmaster that nobody has seen yet.
  order.postmaster_pid = is_being_opened ? 0 : draft.instance().postmaster_pid;
  order.earlier_stands = !is_confirmed;
  order.rule = is_confirmed ? "G2" : "G3";
  return order;
}

// A shutdown may take longer than the lease that was confirmed last; while it is confirmed anew,
// nobody waits for its end.
FenceOrder moved_on(const Draft& draft) {
  FenceOrder order = draft.memory.fence;
  if (order.kind != FenceOrder::Kind::Armed || !draft.seen.session.leads) return order;
  const Instant at = end_of(draft, leads_since(draft.seen));
  if (at <= order.at) return order;
  order.at = at;
  order.earlier_stands = false;
  order.rule = "G5";
  return order;
}

}  // namespace

// G2 the guardian is armed whenever PostgreSQL is, or is about to be, open for writes under a
// confirmed lease. An order stands until PostgreSQL is known to be closed: when leadership is lost
// the last instant remains. G3 what is not confirmed makes an order earlier, never later. G4
// closed, or in maintenance mode, where nobody is held to a lease: disarmed; if it ran out in that
// mode, a first renewal gets its time after it. G5 a shutdown that takes long is held to the
// present lease.
void order_fence(Draft& draft) {
  const bool is_opening = is_being_opened(draft);
  if (draft.seen.settings.paused) {
    draft.memory.fence = disarmed();
  } else if (is_opening || draft.instance().is_running_primary()) {
    draft.memory.fence = while_open(draft, is_opening);
  } else if (may_be_running_as_primary(draft.instance())) {
    draft.memory.fence = moved_on(draft);
  } else {
    draft.memory.fence = disarmed();
  }
}

}  // namespace pgherd
