// Requests of people and of other members to this agent: whether one is taken, and why not. Asked
// at the moment at which it arrives, so that whoever asks is answered at once; what is taken stands
// in the observation until a rule serves it, or its time is over. Pure, as `decide` is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "decide/observation.h"

namespace pgherd {

struct Admission {
  bool is_granted = false;
  std::string detail;     // why not; in Patroni's words where operators match on them
  std::string_view rule;  // of docs/rules.md
};

// `POST /restart` without and with a schedule, and `DELETE /restart`.
[[nodiscard]] Admission admit_restart(const Observation& seen);
[[nodiscard]] Admission admit_scheduled_restart(const Observation& seen);
[[nodiscard]] Admission admit_unscheduling(const Observation& seen);
// `POST /reinitialize`. `force`: also beside an act that is under way, and in the place of an
// earlier request.
[[nodiscard]] Admission admit_reinitialize(const Observation& seen, bool force);
// `POST /failsafe`: what is granted is promised (promise_to in decide.h).
[[nodiscard]] Admission admit_failsafe(const Observation& seen, const FailsafePing& ping);

// When a restart that was taken and waits is given up.
[[nodiscard]] Instant given_up_at(const RestartRequest& request);
// A restart that was taken and waits: why it will not be served any more, if that is so. `summary`:
// of the last decision, for the answer.
[[nodiscard]] std::optional<Admission> end_waiting_restart(const Observation& seen, Instant now,
                                                           std::string_view summary);
// The same right after an act that was not the restart: it waited for a server that was being
// started, and that start has failed.
[[nodiscard]] std::optional<Admission> end_restart_of_failed_start(const Observation& seen);

}  // namespace pgherd
