#include "decide/facts/rivals.h"

#include <algorithm>

#include "decide/facts/successor.h"

namespace pgherd {

Targets known_others(const Draft& draft) {
  std::map<NodeName, Member> others = draft.memory.election.last_known_members;
  for (const auto& [name, member] : draft.cluster().members)
    others[name] = member;
  others.erase(draft.me());
  Targets targets;
  for (const auto& [name, member] : others) {
    if (!member.api_url.empty()) targets.emplace(name, member.api_url);
  }
  return targets;
}

bool is_usable(const Draft& draft, const PeerView& peer) {
  return may_be_promoted(peer) && peer.failed_promotions <= draft.memory.promotion.failures;
}

Verdict prefer_others(const Draft& draft, const Targets& targets) {
  const auto& request = draft.cluster().failover;
  const bool is_named = request && request->candidate == draft.me() && !request->scheduled_at;
  if (draft.has_come(draft.memory.election.lead_again_at) || is_named) return Verdict::run();
  bool is_complete = true;
  for (const auto& [name, url] : targets) {
    const PeerView* peer = draft.fresh_peer(name);
    is_complete = is_complete && peer != nullptr;
    if (peer != nullptr && is_usable(draft, *peer) && peer->in_recovery &&
        peer->failed_promotions < std::max(draft.memory.promotion.failures, 1)) {
      return Verdict::no(
          "E1", "this node has just failed to lead or stepped down, and '" + name + "' could lead");
    }
  }
  return is_complete ? Verdict::run() : Verdict::wait_for("asking who else could lead");
}

}  // namespace pgherd
