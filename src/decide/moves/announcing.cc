#include "decide/moves/announcing.h"

#include "decide/facts/routers.h"

namespace pgherd {
namespace {

constexpr Duration kAnnounceAgain = 1s;

bool is_mine(const Draft& draft) {
  const auto& stopping = draft.cluster().stopping;
  return stopping && stopping->leader == draft.me();
}

}  // namespace

bool routers_are_told_first(Draft& draft) {
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) return false;
  if (draft.cluster().routers.empty() || !draft.instance().is_running_primary()) return false;
  auto& memory = draft.memory.stop;
  if (!memory.wanted_since) memory.wanted_since = draft.moment();
  if (draft.has_come(*memory.wanted_since + kRestLimit)) return false;
  if (!is_mine(draft)) {
    draft.because("S8", "telling routers that PostgreSQL is about to stop");
    if (!draft.has_come(memory.announce_again_at) || draft.seen.is_under_way(Lane::FailoverRequest))
      return true;
    memory.announce_again_at = draft.moment() + kAnnounceAgain;
    draft.plan(AnnounceStop{.lease = draft.seen.session.lease});
    return true;
  }
  const std::string* router = router_in_motion(draft, draft.cluster().stopping->mod_revision);
  if (router == nullptr) return false;
  draft.because("S8",
                "PostgreSQL stops when the sessions of the router '" + *router + "' are at rest");
  return true;
}

void withdraw_announcement(Draft& draft) {
  if (draft.seen.restart_request || draft.seen.is_leaving) return;
  draft.memory.stop = {};
  if (!is_mine(draft) || draft.seen.is_under_way(Lane::FailoverRequest)) return;
  draft.because("S8", "PostgreSQL is there for routers again");
  draft.plan(WithdrawStop{.seen = draft.cluster().stopping->mod_revision});
}

}  // namespace pgherd
