// What operators ask for in request bodies, and whether it can be granted (Patroni's documentation,
// REST API). Pure: values in, a refusal with its status code and text, or the handover, out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "codec/time_values.h"
#include "model/cluster_view.h"
#include "rest/node_face.h"
#include "rest/node_status.h"

namespace pgherd {

struct Refusal {
  int code = 400;
  std::string text;
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// ---- Switchover and failover --------------------------------------------------------------------

enum class Handover { Switchover, Failover };

struct HandoverRequest {
  Handover action{};  // a failover that names a leader has become a switchover
  FailoverRequest request;
};

// The body and the rules that need no look at the cluster: names, schedule, pause.
[[nodiscard]] Result<HandoverRequest, Refusal> read_handover(std::string_view body, Handover action,
                                                             const Settings& settings,
                                                             WallTime wall_now);

// Whether the cluster can do it, as far as the store tells; not asked for scheduled ones. The
// value: the members of which at least one must answer as a good candidate (see is_good_candidate).
[[nodiscard]] Result<std::vector<Member>, Refusal> feasible_candidates(
    const HandoverRequest& handover, const ClusterView& cluster);
[[nodiscard]] bool is_good_candidate(const PeerView& answer);
[[nodiscard]] Refusal no_good_candidates(Handover action);

// What the store shows some time after the request was written: an answer, or nothing yet.
// `written`: the revision of the store at which the request stood there; older pictures say
// nothing.
[[nodiscard]] std::optional<ActAnswer> handover_outcome(const HandoverRequest& handover,
                                                        const NodeName& former_leader,
                                                        Revision written,
                                                        const ClusterView& cluster);
[[nodiscard]] ActAnswer handover_timed_out(Handover action, Seconds waited);

// ---- Restart ------------------------------------------------------------------------------------

struct RestartOrder {
  std::optional<std::string> role;
  std::optional<std::string> postgres_version;  // only if the running one is lower
  std::optional<Milliseconds> timeout;
  bool only_if_pending = false;
  std::optional<ZonedTime> schedule;
};
// The order as the agent keeps it until its time, for the server that runs now.
[[nodiscard]] ScheduledRestart scheduled_restart(const RestartOrder& order,
                                                 const NodeStatus& status);
[[nodiscard]] Result<RestartOrder, Refusal> read_restart(std::string_view body, bool is_paused,
                                                         WallTime wall_now);
// The order's conditions, judged now, and whether the instance is free.
[[nodiscard]] std::optional<Refusal> restart_refusal(const RestartOrder& order,
                                                     const NodeStatus& status);

// ---- Others -------------------------------------------------------------------------------------

struct ReinitializeOrder {
  bool force = false;
  bool from_leader = false;
};
[[nodiscard]] Result<ReinitializeOrder, Refusal> read_reinitialize(std::string_view body);
[[nodiscard]] std::optional<Refusal> reinitialize_refusal(const ReinitializeOrder& order,
                                                          const NodeStatus& status);

[[nodiscard]] Result<FailsafePing, Refusal> read_failsafe_ping(std::string_view body);

}  // namespace pgherd
