// Whom this node streams from.
#pragma once

#include <optional>

#include "decide/draft.h"

namespace pgherd {

// Whom it follows by its tags, or the leader; nothing when that has no usable address. A host of ""
// is nobody, and right for a member that does not stream.
[[nodiscard]] std::optional<Upstream> upstream_for(const Draft& draft);
[[nodiscard]] std::optional<Upstream> leader_as_source(const Draft& draft);
// The primary of the cluster that this standby cluster follows; nothing in any other.
[[nodiscard]] std::optional<Upstream> remote_primary(const Draft& draft);
// Whom this node follows in a standby cluster; nothing in any other.
[[nodiscard]] std::optional<Upstream> upstream_in_standby_cluster(const Draft& draft);
// A member that says of itself that it runs and leads, and not only that it holds the key.
[[nodiscard]] bool leads_by_its_own_word(const Member& member);

}  // namespace pgherd
