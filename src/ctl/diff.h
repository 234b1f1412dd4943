// Unified diff of two texts with three lines of context; headers "--- " and "+++ " without names,
// as edit-config shows its changes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgherd::ctl {

// The lines of the diff, without newlines; empty when the texts are equal.
[[nodiscard]] std::vector<std::string> unified_diff(std::string_view before,
                                                    std::string_view after);

}  // namespace pgherd::ctl
