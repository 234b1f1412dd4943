// LocalInstance: the real PostgreSQL on this machine behind the door of postgres/instance.h. Its
// hands work in a thread of their own, so that a disk that hangs or a query that is slow never
// holds up the agent's loop.
//
// Threads: every function on the owner's loop, which must be one thread and outlive this; all
// callbacks come there. Destroying it ends what it waits for; PostgreSQL goes on running, tools are
// killed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/agent_config.h"
#include "postgres/instance.h"
#include "postgres/local/act_context.h"

namespace pgherd {

class LocalInstance final : public Instance {
 public:
  LocalInstance(boost::asio::any_io_executor owner, std::string scope, NodeName self,
                PostgresConfig config, std::optional<BootstrapConfig> bootstrap = std::nullopt,
                LocalOptions options = {});
  ~LocalInstance() override;
  LocalInstance(const LocalInstance&) = delete;
  LocalInstance& operator=(const LocalInstance&) = delete;

  // For the acts that begin after this; ApplyConfiguration brings it to a running server. The data
  // directory cannot change.
  void reconfigure(PostgresConfig config);

  // The leader key is being given back. If PostgreSQL is down because it does not start, nobody
  // else would tell on_role_change that this node leads no more.
  void give_up_leadership();

  void perform(const Step& step, std::function<void(ActResult)> done) override;
  void cancel() override;
  void extend(Instant lease_valid_until) override;
  void observe(std::function<void(InstanceView)> seen) override;
  void on_change(std::function<void(InstanceView)> handler) override;

 private:
  class ServerThread;
  class OwnerSide;
  std::shared_ptr<OwnerSide> owner_;
  std::unique_ptr<ServerThread> server_thread_;  // goes first: its thread still looks for the owner
};

}  // namespace pgherd
