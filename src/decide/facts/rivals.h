// The others of an election: who must be asked, and who could lead in this node's place.
#pragma once

#include <map>
#include <string>

#include "decide/draft.h"
#include "decide/facts/verdict.h"

namespace pgherd {

using Targets = std::map<NodeName, std::string>;  // name -> api_url

// Everybody who may know better: members now, and those of the last picture that had a leader, for
// their keys may have expired together with the leader's while they live (Patroni 4.0.5).
[[nodiscard]] Targets known_others(const Draft& draft);
// It may be promoted; whose promotion has failed more often than this node's gives it the next
// turn.
[[nodiscard]] bool is_usable(const Draft& draft, const PeerView& peer);
// E1 whoever has just failed to lead or gave way prefers others for ttl; where there are none it is
// better than nobody. A candidate that a request names is who shall lead.
[[nodiscard]] Verdict prefer_others(const Draft& draft, const Targets& targets);

}  // namespace pgherd
