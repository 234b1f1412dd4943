// Who could take this leader's place, and what is known of that.
#pragma once

#include <map>
#include <string>

#include "decide/draft.h"

namespace pgherd {

// Whether a member that has answered may be promoted as far as its own words go. The only
// definition of it: elections, switchovers and the REST API ask here.
[[nodiscard]] bool may_be_promoted(const PeerView& peer);

// Members, with their addresses, that may be asked to serve this request.
[[nodiscard]] std::map<NodeName, std::string> candidates_for(const Draft& draft,
                                                             const FailoverRequest& request);
// And those whose votes the one whom it names would need, in quorum mode.
[[nodiscard]] std::map<NodeName, std::string> electorate_for(const Draft& draft,
                                                             const FailoverRequest& request);
struct Poll {
  bool is_complete = true;  // everybody who was asked has answered, or certainly will not
  bool finds_successor = false;
  bool successor_streams = false;  // and it would receive the last record
  int missing_votes = 0;           // of a named candidate that is good enough itself
};
// S4, S6 somebody must be able to take over before the leader goes: reachable, a standby, not too
// far behind, and on this timeline where check_timeline is on (Patroni ha.py is_failover_possible);
// in quorum mode with as many votes as the election will ask for (E14). What was answered before
// `since` says nothing about now: a member that has just become a standby again was none when it
// was asked for the election before.
[[nodiscard]] Poll poll_of(const Draft& draft, const FailoverRequest& request,
                           const std::map<NodeName, std::string>& asked, Instant since);

}  // namespace pgherd
