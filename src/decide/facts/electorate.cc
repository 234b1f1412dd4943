#include "decide/facts/electorate.h"

namespace pgherd {

NameSet voters_of(const SyncKey& key) {
  return {key.standbys.begin(), key.standbys.end()};
}

bool is_synchronous(const Draft& draft) {
  const auto& sync = draft.cluster().sync;
  return draft.seen.settings.synchronous_mode != SynchronousMode::Off && sync &&
         !sync->leader.empty();
}

bool is_in_sync(const Draft& draft, const NodeName& name) {
  const auto& sync = draft.cluster().sync;
  if (!sync || sync->leader.empty()) return false;
  return same_name(sync->leader, name) || voters_of(*sync).contains(name);
}

bool has_led_last(const Draft& draft) {
  const auto& sync = draft.cluster().sync;
  const Timeline here = draft.instance().timeline;
  if (!sync || here < draft.newest_timeline_of_all()) return false;
  if (same_name(sync->leader, draft.me())) return true;
  const auto& claim = draft.cluster().claim;
  return claim && claim->by == draft.me() && claim->timeline == here &&
         sync->mod_revision < claim->mod_revision;
}

Timeline newest_timeline_for_me(const Draft& draft) {
  const auto& history = draft.cluster().history;
  Timeline newest = draft.cluster().newest_timeline();
  if (!history || !is_synchronous(draft) || !is_in_sync(draft, draft.me())) return newest;
  for (auto row = history->rbegin(); row != history->rend(); ++row) {
    if (row->new_leader.empty() || is_in_sync(draft, row->new_leader)) break;
    newest = row->parent;
  }
  return newest;
}

bool counts_votes(const Draft& draft) {
  return is_synchronous(draft) &&
         (draft.seen.settings.synchronous_mode == SynchronousMode::Quorum ||
          draft.cluster().sync->quorum > 0);
}

}  // namespace pgherd
