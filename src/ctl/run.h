// The edge of the tool: every exception of a command becomes text and an exit code here.
#pragma once

#include <functional>

#include "ctl/console.h"

namespace pgherd::ctl {

[[nodiscard]] int guarded(Console& console, const std::function<int()>& act);

}  // namespace pgherd::ctl
