// A request to change the leader that is refused, and the question whether anybody could take over.
#pragma once

#include <string>
#include <string_view>

#include "decide/draft.h"

namespace pgherd {

// S1 says why, and clears it.
void refuse_request(Draft& draft, const FailoverRequest& request, std::string why,
                    std::string_view rule = "S1");
// It was tried, and this node has taken its place again: it would be tried without end.
void refuse_request_that_failed(Draft& draft, std::string why);
// Whether somebody could take over, were this leader to give way; asks the members where that is
// not known yet.
enum class Prospect { No, Unknown, Yes };
[[nodiscard]] Prospect prospect_of_failover(Draft& draft);

}  // namespace pgherd
