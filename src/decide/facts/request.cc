#include "decide/facts/request.h"

namespace pgherd {

bool is_named_candidate(const Draft& draft) {
  const auto& request = draft.cluster().failover;
  return request && request->candidate == draft.me() && !request->scheduled_at &&
         !request->schedule_is_unreadable && !draft.seen.self.tags.nofailover;
}

bool is_forced_candidate(const Draft& draft) {
  return is_named_candidate(draft) && !draft.cluster().failover->leader;
}

bool request_binds_election(const Draft& draft) {
  const auto& request = draft.cluster().failover;
  return request && !request->scheduled_at && !request->schedule_is_unreadable &&
         !draft.has_come(*draft.memory.election.unlocked_since + draft.seen.settings.ttl);
}

}  // namespace pgherd
