#include "decide/moves/synchronous_release.h"

#include "decide/facts/electorate.h"

namespace pgherd {

// Q9 a synchronous standby that is about to stop says so first, so that no commit waits for it
// (Patroni ha.py, nosync before a shutdown). Only a hint: after twice loop_wait it stops anyway.
bool is_released(Draft& draft) {
  if (!draft.seen.store.cluster) return true;
  const auto& sync = draft.cluster().sync;
  const bool is_waited_for = is_synchronous(draft) && draft.leadership() == Leadership::Others &&
                             draft.instance().is_running_standby() &&
                             voters_of(*sync).contains(draft.me());
  if (!is_waited_for) return true;
  if (!draft.memory.sync.release_asked_at) draft.memory.sync.release_asked_at = draft.moment();
  const Instant limit = *draft.memory.sync.release_asked_at + 2 * draft.seen.settings.loop_wait;
  if (draft.has_come(limit) || !draft.seen.store.is_reachable) return true;
  draft.because("Q9", "asking '" + draft.cluster().leader->name +
                          "' not to wait for this node before it stops");
  return false;
}

}  // namespace pgherd
