// DcsWorld: what the contract suite needs of a store under test: the door, its clock, and a way to
// let time pass until something is so. One implementation invents time (memory), the other waits
// (etcd).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "dcs/dcs.h"

namespace pgherd::contract {

class DcsWorld {
 public:
  virtual ~DcsWorld() = default;

  [[nodiscard]] virtual Dcs& dcs() = 0;
  // A second client of the same store.
  [[nodiscard]] virtual std::unique_ptr<Dcs> another_client() = 0;
  [[nodiscard]] virtual Clock& clock() = 0;
  // Runs the loop until `condition` holds; false when that takes longer than anybody would wait.
  [[nodiscard]] virtual bool run_until(const std::function<bool()>& condition) = 0;
  // An operator's command to the store, past the door.
  virtual void compact(Revision revision) = 0;
  // Whether the store says how far a watch is when nothing happens below its prefix. Who is not
  // told reads afresh once what it has last seen is compacted.
  [[nodiscard]] virtual bool tells_progress() const { return true; }
};

using MakeWorld = std::function<std::unique_ptr<DcsWorld>()>;

}  // namespace pgherd::contract
