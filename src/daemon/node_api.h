// NodeApi: the node as its HTTP API sees it (NodeFace), answered from the agent's picture and,
// where a request asks for it, from the store.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/layout.h"
#include "node/node.h"
#include "postgres/instance.h"
#include "rest/node_face.h"

namespace pgherd {

class NodeApi final : public NodeFace {
 public:
  struct Parts {
    Node& node;
    Dcs& dcs;
    Instance& instance;
    Clock& clock;
    const Layout& layout;
    std::string scope;
    std::function<void()> reload;
    std::function<std::string()> metrics;
  };
  explicit NodeApi(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] NodeStatus status() override;
  void observe_now(std::function<void(NodeStatus)> answer) override;
  void read_cluster(std::function<void(Result<ClusterView, DcsError>)> answer) override;
  void write_config(std::string json, Revision seen,
                    std::function<void(WriteEnded)> answer) override;
  void write_failover(FailoverRequest request, std::function<void(WriteEnded)> answer) override;
  void clear_failover(Revision seen, std::function<void(WriteEnded)> answer) override;
  void restart(std::optional<Milliseconds> timeout,
               std::function<void(bool succeeded, std::string detail)> answer) override;
  void schedule_restart(ScheduledRestart request,
                        std::function<void(bool granted, std::string why_not)> answer) override;
  void unschedule_restart(std::function<void(bool granted, std::string why_not)> answer) override;
  void reinitialize(bool force, bool from_leader, std::function<void(ActAnswer)> answer) override;
  [[nodiscard]] std::string refuse_failsafe_ping(const FailsafePing& ping) override;
  void reload() override { parts_.reload(); }

 private:
  [[nodiscard]] NodeStatus status_with(const InstanceView& instance);
  void commit(Transaction transaction, std::function<void(WriteEnded)> answer);

  Parts parts_;
  std::string metrics_;
  Instant metrics_until_;
};

}  // namespace pgherd
