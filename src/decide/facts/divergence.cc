#include "decide/facts/divergence.h"

namespace pgherd {

const DivergenceSeen* verdict_on_leader(const Draft& draft) {
  const auto& seen = draft.seen.divergence;
  const Member* leader = draft.cluster().leader_member();
  if (!seen || leader == nullptr || seen->source != leader->name) return nullptr;
  if (leader->timeline && seen->source_timeline.is_known() &&
      seen->source_timeline != *leader->timeline) {
    return nullptr;
  }
  return &*seen;
}

}  // namespace pgherd
