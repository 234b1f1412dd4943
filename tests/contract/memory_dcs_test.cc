#include "dcs/memory/memory_dcs.h"

#include "contract/dcs_contract.h"
#include "contract/manual_clock.h"

namespace pgherd::contract {
namespace {

class MemoryWorld final : public DcsWorld {
 public:
  Dcs& dcs() override { return dcs_; }
  std::unique_ptr<Dcs> another_client() override {
    return std::make_unique<MemoryDcs>(store_, clock_);
  }
  Clock& clock() override { return clock_; }
  bool run_until(const std::function<bool()>& condition) override {
    const auto patience = clock_.now() + 60s;
    while (!condition())
      if (clock_.now() > patience || !clock_.ring_next()) return false;
    return true;
  }
  void compact(Revision revision) override { store_.compact(revision); }

 private:
  ManualClock clock_;
  MemoryStore store_;
  MemoryDcs dcs_{store_, clock_};
};

std::unique_ptr<DcsWorld> make_memory_world() {
  return std::make_unique<MemoryWorld>();
}

INSTANTIATE_TEST_SUITE_P(Memory, DcsContract, testing::Values(MakeWorld(make_memory_world)));

}  // namespace
}  // namespace pgherd::contract
