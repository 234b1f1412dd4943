// EtcdWorld: real etcd members, a real client, real time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "contract/dcs_world.h"
#include "contract/etcd_process.h"
#include "dcs/etcd/etcd_dcs.h"
#include "runtime/asio_clock.h"

namespace pgherd::contract {

class EtcdWorld final : public DcsWorld {
 public:
  // `config`: of the client, but for the endpoints.
  // Returns when the cluster has a leader and answers; throws with the members' logs when it does
  // not.
  explicit EtcdWorld(int members = 1, std::vector<std::string> more_options = {},
                     EtcdConfig config = {});
  // One member, and the clients reach it by a proxy of this kind.
  explicit EtcdWorld(const std::string& proxy);

  Dcs& dcs() override { return *dcs_; }
  std::unique_ptr<Dcs> another_client() override { return client_of(config_of_all()); }
  Clock& clock() override { return clock_; }
  bool run_until(const std::function<bool()>& condition) override;
  void compact(Revision revision) override {
    cluster_.ctl({"compact", std::to_string(revision.value)});
  }

  // etcd's grpc-proxy leaves a request for progress without an answer.
  [[nodiscard]] bool tells_progress() const override { return !is_behind_grpc_proxy_; }

  [[nodiscard]] EtcdCluster& cluster() { return cluster_; }
  [[nodiscard]] EtcdConfig config_of_all() const;
  [[nodiscard]] std::unique_ptr<EtcdDcs> client_of(const EtcdConfig& config);
  // Replaces the client that `dcs()` is.
  void use(std::unique_ptr<EtcdDcs> client) { dcs_ = std::move(client); }

 private:
  void await_an_answer();

  EtcdConfig config_;
  bool is_behind_grpc_proxy_ = false;
  EtcdCluster cluster_;
  std::unique_ptr<EtcdProxy> proxy_;
  boost::asio::io_context loop_;
  AsioClock clock_{loop_.get_executor()};
  std::unique_ptr<EtcdDcs> dcs_;
};

}  // namespace pgherd::contract
