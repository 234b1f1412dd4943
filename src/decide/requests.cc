#include "decide/requests.h"

#include <utility>

#include "decide/decide.h"

namespace pgherd {
namespace {

constexpr Duration kRestartServedWithin = 60s;

Admission granted(std::string_view rule) {
  return {.is_granted = true, .detail = {}, .rule = rule};
}
Admission refused(std::string_view rule, std::string why) {
  return {.is_granted = false, .detail = std::move(why), .rule = rule};
}

// When the last act on PostgreSQL has failed: whoever asks for a restart is told at once, for no
// rule restarts what does not run, and whether the next attempt goes better is the agent's affair.
// "" when a restart may be waited for.
std::string why_it_does_not_run(const Observation& seen) {
  const ProcessState process = seen.instance.process;
  if (process != ProcessState::Stopped && process != ProcessState::Starting) return {};
  if (!seen.last_act || seen.last_act->outcome == ActOutcome::Done ||
      seen.last_act->outcome == ActOutcome::Cancelled) {
    return {};
  }
  std::string text = "PostgreSQL is not running, and " + std::string(name_of(seen.last_act->step)) +
                     " has failed last";
  if (!seen.last_act->detail.empty()) text += ": " + seen.last_act->detail;
  return text;
}

}  // namespace

// O1 one at a time, and none of a server that does not start. In maintenance mode nothing but this
// makes another attempt.
Admission admit_restart(const Observation& seen) {
  if (seen.restart_request) return refused("O1", "restart already in progress");
  std::string why = seen.settings.paused ? std::string() : why_it_does_not_run(seen);
  return why.empty() ? granted("O1") : refused("O1", std::move(why));
}

// O3 one schedule at a time (Patroni api.py).
Admission admit_scheduled_restart(const Observation& seen) {
  return seen.scheduled_restart ? refused("O3", "Another restart is already scheduled")
                                : granted("O3");
}
Admission admit_unscheduling(const Observation& seen) {
  return seen.scheduled_restart ? granted("O3") : refused("O3", "no restarts are scheduled");
}

// O4 a copy needs a leader to be made from, and the leader's data are what the others copy. Whether
// it is still so when the copy begins is asked again (N1, N2).
Admission admit_reinitialize(const Observation& seen, bool force) {
  if (seen.reinitialize_request && !force) return refused("O4", "reinitialize already in progress");
  // A comparison of histories is a look of the agent's own, and ends soon.
  const bool is_looking = seen.under_way_as<ExamineDivergence>(Lane::Instance) != nullptr;
  const auto act = seen.under_way.find(Lane::Instance);
  if (act != seen.under_way.end() && !is_looking && !force) {
    return refused("O4", std::string(name_of(act->second.step)) + " already in progress");
  }
  const auto& cluster = seen.store.cluster;
  if (!cluster || !cluster->has_leader()) {
    return refused("O4", "Cluster has no leader, can not reinitialize");
  }
  if (cluster->is_led_by(seen.self.name)) {
    return refused("O4", "I am the leader, can not reinitialize");
  }
  return granted("O4");
}

// O5 what may_promise says; the words are Patroni's.
Admission admit_failsafe(const Observation& seen, const FailsafePing& ping) {
  std::string why_not;
  return may_promise(seen, ping, why_not) ? granted("O5") : refused("O5", std::move(why_not));
}

Instant given_up_at(const RestartRequest& request) {
  return request.asked_at + kRestartServedWithin;
}

// O2 whatever keeps a restart from being served (no lease, a store that is silent, a server that
// somebody else stops): it does not fire when nobody thinks of it any more.
std::optional<Admission> end_waiting_restart(const Observation& seen, Instant now,
                                             std::string_view summary) {
  const auto& request = seen.restart_request;
  if (!request || now < given_up_at(*request)) return std::nullopt;
  if (seen.under_way.contains(Lane::Instance)) return std::nullopt;  // its end answers
  const auto seconds = std::chrono::duration_cast<Seconds>(kRestartServedWithin).count();
  return refused("O2", "it was not possible within " + std::to_string(seconds) +
                           " s, and is not tried any more: " + std::string(summary));
}

std::optional<Admission> end_restart_of_failed_start(const Observation& seen) {
  if (!seen.restart_request) return std::nullopt;
  std::string why = why_it_does_not_run(seen);
  if (why.empty()) return std::nullopt;
  return refused("O2", std::move(why));
}

}  // namespace pgherd
