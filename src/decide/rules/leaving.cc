#include "decide/rules/leaving.h"

#include "decide/facts/claim.h"
#include "decide/facts/opening.h"
#include "decide/moves/announcing.h"
#include "decide/moves/stepping_down.h"
#include "decide/moves/synchronous_release.h"

namespace pgherd {
namespace {

// A silent store does not keep an agent from leaving: its keys end with their lease.
constexpr Duration kStoreLimit = 3s;

// The same for a leader whose PostgreSQL is down: its key is given back at once, or a second after
// that (D8), and a store that has not taken it back after three more does not speak.
constexpr Duration kReleaseLimit = 4s;

// D6 to D8 are at work on it.
bool is_handing_over(Draft& draft) {
  SteppingDownMemory& stepping_down = draft.memory.stepping_down;
  if (stepping_down.state == SteppingDown::No) return false;
  const bool is_stopped = draft.instance().process == ProcessState::Stopped &&
                          !draft.has_act_under_way() && stepping_down.stopped_since.has_value();
  if (!is_stopped || !draft.has_come(*stepping_down.stopped_since + kReleaseLimit)) return true;
  draft.because("X4", "the store does not take the leader key back: it ends with its lease");
  stepping_down.state = SteppingDown::No;
  return false;
}

void depart(Draft& draft) {
  const bool store_speaks = draft.seen.store.is_reachable;
  if (draft.seen.session.lease.exists() && store_speaks &&
      !draft.has_come(*draft.memory.leaving_since + kStoreLimit)) {
    draft.because("X4", "PostgreSQL is stopped: revoking the lease");
    draft.plan(RevokeLease{.lease = draft.seen.session.lease});
    return;
  }
  draft.plan(Exit{.exit_code = 0, .message = "PostgreSQL is stopped, the agent ends"});
}

}  // namespace

// X1 in maintenance mode the agent goes and PostgreSQL stays, unless the store does not know yet of
// the cluster that was made here: two nodes would have made one each (sim seed 8054427). X2 a
// leader stops like in a switchover, so that a successor has everything before the key is released;
// the lease is renewed meanwhile (Patroni's may run out while it waits). X3 others stop fast. X4
// then the lease is revoked: both keys go at once.
bool leave(Draft& draft) {
  if (!draft.seen.is_leaving) return false;
  draft.say("leaving");
  if (draft.seen.settings.paused && !has_unfinished_cluster(draft)) {
    draft.because("X1", "maintenance mode: PostgreSQL stays as it is");
    draft.plan(Exit{.exit_code = 0, .message = "maintenance mode: PostgreSQL keeps running"});
    return true;
  }
  if (is_handing_over(draft)) return false;
  if (draft.has_act_under_way()) {
    if (!is_being_stopped(draft)) draft.plan(CancelInstanceAct{.why = "the agent is leaving"});
    return true;
  }
  const ProcessState process = draft.instance().process;
  if (process == ProcessState::Running || process == ProcessState::Starting) {
    if (draft.instance().is_running_primary() && draft.may_lead()) {
      if (routers_are_told_first(draft)) return false;
      draft.because("X2", "leaving as leader: stopping PostgreSQL and handing over");
      begin_stepping_down(draft, DemoteMode::Graceful, {});
    } else if (is_released(draft)) {
      draft.because("X3", "leaving: stopping PostgreSQL");
      draft.plan(Stop{.mode = StopMode::Fast});
    }
    return true;
  }
  if (process != ProcessState::Stopped) return true;
  depart(draft);
  return true;
}

}  // namespace pgherd
