// NodeFace: what the HTTP API may ask of the node it belongs to. The daemon implements it.
//
// Threads: every function is called on the owner's loop and returns at once. Answers come on that
// same loop, at once or later, at most once; the server waits for none of them without a limit. A
// NodeFace outlives the RestServer that uses it; answers may come after the server is gone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/instant.h"
#include "base/result.h"
#include "dcs/dcs.h"
#include "model/cluster_view.h"
#include "model/peer_view.h"
#include "model/requests.h"
#include "rest/node_status.h"

namespace pgherd {

// How a write to the store ended. `revision` of Applied: the store's after the write.
struct WriteEnded {
  enum class How { Applied, Refused, Unknown };
  How how = How::Unknown;
  Revision revision;
  std::string detail;  // what the store said, when it was not applied
};

// How an operator's act on this node ended: `text` goes to the client as it is.
struct ActAnswer {
  int code = 200;
  std::string text;
};

class NodeFace {
 public:
  virtual ~NodeFace() = default;

  // The present picture. Called for every health check: no I/O.
  [[nodiscard]] virtual NodeStatus status() = 0;
  // Looks at PostgreSQL first (Instance::observe). Other members elect by this answer.
  virtual void observe_now(std::function<void(NodeStatus)> answer) = 0;

  // The cluster as the store has it now (a linearizable read).
  virtual void read_cluster(std::function<void(Result<ClusterView, DcsError>)> answer) = 0;
  // Writes `/config`, provided nobody wrote it since `seen`, and wakes the agent.
  virtual void write_config(std::string json, Revision seen,
                            std::function<void(WriteEnded)> answer) = 0;
  // Writes `/failover` whatever stands there.
  virtual void write_failover(FailoverRequest request, std::function<void(WriteEnded)> answer) = 0;
  // Writes `{}` to `/failover`, provided nobody wrote it since `seen`.
  virtual void clear_failover(Revision seen, std::function<void(WriteEnded)> answer) = 0;

  // Restarts PostgreSQL now, in its present role; the answer comes when it is up or has failed.
  virtual void restart(std::optional<Milliseconds> timeout,
                       std::function<void(bool succeeded, std::string detail)> answer) = 0;
  // Both answer at once: granted, or why not.
  virtual void schedule_restart(ScheduledRestart handover,
                                std::function<void(bool granted, std::string why_not)> answer) = 0;
  virtual void unschedule_restart(
      std::function<void(bool granted, std::string why_not)> answer) = 0;
  // As SIGHUP.
  virtual void reload() = 0;
  // Wakes the agent: something it reads may have changed.
  virtual void wake() {}

  // Makes this node's data anew; answered when that is accepted. `force`: end the long task under
  // way first; `from_leader`: copy from nobody else.
  virtual void reinitialize(bool force, bool from_leader,
                            std::function<void(ActAnswer)> answer) = 0;
  // Promises the sender not to stand for election for `ttl`. The text: why not; "": promised.
  [[nodiscard]] virtual std::string refuse_failsafe_ping(const FailsafePing& ping) = 0;
};

}  // namespace pgherd
