#include "contract/dcs_contract.h"
#include "contract/etcd_world.h"

namespace pgherd::contract {
namespace {

std::unique_ptr<DcsWorld> make_etcd_world() {
  return std::make_unique<EtcdWorld>();
}

INSTANTIATE_TEST_SUITE_P(Etcd, DcsContract, testing::Values(MakeWorld(make_etcd_world)));

}  // namespace
}  // namespace pgherd::contract
