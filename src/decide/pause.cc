#include "decide/rules.h"

namespace pgherd {

// M1 in maintenance mode nothing is started, stopped, promoted or dropped; the session with the
// store and what is published go on (Patroni: patronictl pause). M2 a standby cluster's leader
// would have to follow a remote primary, which this build does not do: it holds still rather than
// promote.
bool hold_still(Draft& draft) {
  if (draft.seen.settings.paused) {
    const bool leads = draft.leadership() == Leadership::Mine;
    draft.because("M1", "maintenance mode: PostgreSQL stays as it is");
    draft.say("PAUSE: no action. I am (" + draft.me() + ")" +
              (leads ? ", the leader with the lock" : ""));
    // Whom commits wait for is no change of roles (Patroni 3.1.2, 4.1.1).
    if (leads && draft.may_lead()) keep_synchronous(draft);
    return true;
  }
  if (draft.seen.settings.standby_cluster) {
    draft.say("holding still: standby clusters are not supported by this build");
    draft.because("M2", "standby_cluster is set in /config; this build does not act in one");
    return true;
  }
  return false;
}

}  // namespace pgherd
