#include "decide/moves/failed_promotion.h"

namespace pgherd {

bool may_leave_out_archive(const Draft& draft) {
  const auto& act = draft.seen.last_act;
  if (act && act->outcome == ActOutcome::Refused) return false;
  return draft.memory.promotion.has_archive && !draft.memory.promotion.tried_without_archive;
}

void give_up_promotion(Draft& draft) {
  const auto& act = draft.seen.last_act;
  const bool has_detail = act && act->outcome != ActOutcome::Done && !act->detail.empty();
  draft.leave_the_field_for(draft.seen.settings.ttl);
  draft.memory.acts.failed = 0;
  draft.memory.promotion.tried_without_archive = false;
  draft.because("K3", "the promotion failed" + (has_detail ? " (" + act->detail + ")" : "") +
                          ": releasing the leader key");
}

// K6 PostgreSQL ends a promotion when a file of the archive is not what it should be (a segment cut
// short by the death of the former primary's archiver), though all that it needs may be in pg_wal:
// so the first time it is tried once more without the archive, under the same key. Then K3, as for
// one that was refused: a server that has ended is no lesser failure, and without a pause the same
// node would take the key and fail once a second, for ever. Authority: PostgreSQL xlogarchive.c
// RestoreArchivedFile (a wrong size is fatal outside of standby mode).
bool settle_failed_promotion(Draft& draft) {
  if (draft.memory.promotion.failures == 0) return false;
  if (may_leave_out_archive(draft)) {
    draft.because("K6",
                  "the promotion failed: starting PostgreSQL without restore_command, to "
                  "promote it with what is in pg_wal");
    draft.plan(StartStandby{.upstream = Upstream{.is_without_archive = true}});
    return true;
  }
  give_up_promotion(draft);
  draft.plan(draft.release_of_leader_key(draft.cluster().status));
  return true;
}

}  // namespace pgherd
