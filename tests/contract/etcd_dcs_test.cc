#include "contract/dcs_contract.h"
#include "contract/etcd_world.h"

namespace pgherd::contract {
namespace {

std::unique_ptr<DcsWorld> make_etcd_world() {
  return std::make_unique<EtcdWorld>();
}

std::unique_ptr<DcsWorld> make_world_behind_a_gateway() {
  return std::make_unique<EtcdWorld>("gateway");
}
std::unique_ptr<DcsWorld> make_world_behind_a_grpc_proxy() {
  return std::make_unique<EtcdWorld>("grpc-proxy");
}

INSTANTIATE_TEST_SUITE_P(EtcdBehindAGateway, DcsContract,
                         testing::Values(MakeWorld(make_world_behind_a_gateway)));
INSTANTIATE_TEST_SUITE_P(EtcdBehindAGrpcProxy, DcsContract,
                         testing::Values(MakeWorld(make_world_behind_a_grpc_proxy)));
INSTANTIATE_TEST_SUITE_P(Etcd, DcsContract, testing::Values(MakeWorld(make_etcd_world)));

}  // namespace
}  // namespace pgherd::contract
