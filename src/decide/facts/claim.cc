#include "decide/facts/claim.h"

namespace pgherd {

bool is_bootstrapping(const Draft& draft) {
  if (!draft.seen.store.cluster) return false;
  const auto& initialize = draft.cluster().initialize;
  return initialize && initialize->is_in_progress() && initialize->lease.exists() &&
         initialize->lease == draft.seen.session.lease;
}

bool another_makes_the_cluster(const Draft& draft) {
  if (!draft.memory.bootstrap_is_unconfirmed || !draft.seen.store.cluster) return false;
  const auto& initialize = draft.cluster().initialize;
  const auto& control = draft.instance().control;
  return initialize && control && initialize->value != control->system_id &&
         !is_bootstrapping(draft);
}

bool has_unfinished_cluster(const Draft& draft) {
  return draft.memory.bootstrap_is_unconfirmed ||
         draft.seen.under_way_as<Bootstrap>(Lane::Instance) != nullptr;
}

}  // namespace pgherd
