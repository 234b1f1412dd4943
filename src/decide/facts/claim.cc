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

bool is_of_known_cluster(const Draft& draft) {
  const auto& control = draft.instance().control;
  if (!draft.seen.store.cluster || !control) return false;
  const auto& initialize = draft.cluster().initialize;
  if (initialize) return initialize->is_valid() && initialize->value == control->system_id;
  return !draft.memory.bootstrap_is_unconfirmed && draft.memory.known_cluster == control->system_id;
}

std::string trace_of_cluster(const Draft& draft) {
  const ClusterView& cluster = draft.cluster();
  for (const auto& [name, member] : cluster.members) {
    const bool has_data = member.timeline || member.xlog_location;
    if (has_data && name != draft.me()) return "'" + name + "' has data";
  }
  if (cluster.sync && !cluster.sync->leader.empty())
    return "/sync names '" + cluster.sync->leader + "'";
  if (cluster.history && !cluster.history->empty()) return "/history tells of promotions";
  return "";
}

}  // namespace pgherd
