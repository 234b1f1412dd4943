// Plan: the set of steps that should be under way *now*, in the order of their importance. It is
// not a script: when a step ends, or anything else changes, `decide` runs again and says what comes
// next. So nothing that was thought a second ago is carried out on a changed world.
#pragma once

#include <string>
#include <vector>

#include "steps/step.h"

namespace pgherd {

using Plan = std::vector<Step>;

// Why something is done or refused: the rule (docs/rules.md), and the facts in a sentence for
// people.
struct Reason {
  std::string rule;  // "E3"
  std::string text;
  bool is_warning = false;  // an operator has to know
  bool operator==(const Reason&) const = default;
};

}  // namespace pgherd
