// Each kind of step runs in a lane; a lane holds one step at a time. Store writes have a lane each,
// so the lease never queues behind anything; the long acts on PostgreSQL share one
// (Lane::Instance).
#pragma once

#include <string_view>

namespace pgherd {

enum class Lane {
  Lease,       // grant, renew, revoke
  LeaderKey,   // acquire, rebind, release, finish initialize
  Initialize,  // take, give back, restore
  Member,
  Status,
  History,
  Sync,  // write, delete `/sync`
  FailoverRequest,
  Peers,
  Instance,  // the long acts
  Slots,
  Checkpoint,
  Replay,  // what the startup process of a standby is told
  Configuration,
  SyncNames,
  Observe,
  Failsafe,       // the key
  FailsafeRound,  // asking the members
  Watchdog,
  Control,
};

[[nodiscard]] std::string_view name_of(Lane lane);  // "LeaderKey"

}  // namespace pgherd
