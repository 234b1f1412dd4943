// Acts: what a scenario can do to the world at one moment: faults, and what operators do. Their
// words are listed in tests/scenarios/README.md. Each says whether it knows the act; what is not
// known has changed nothing.
#pragma once

#include <string>
#include <vector>

#include "sim/world.h"

namespace pgherd::sim {

using Words = std::vector<std::string>;

// To one machine: `what` is all but its name.
[[nodiscard]] bool act_on_node(const std::string& what, Host& host);
// To the store or to all at once.
[[nodiscard]] bool act_on_world(const std::string& whole, World& world);
// "promotion" takes as long as this from now on, everywhere.
[[nodiscard]] bool set_pace(const std::string& what, Duration time, Pace& pace);

}  // namespace pgherd::sim
