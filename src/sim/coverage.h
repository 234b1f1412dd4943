// Coverage: which rules of the catalogue (docs/rules.md) were seen at work, and where first.
#pragma once

#include <set>
#include <string>

#include "sim/summary.h"

namespace pgherd::sim {

// The ids in the first column of the catalogue's tables. Throws std::runtime_error when the file
// cannot be read or has none.
[[nodiscard]] std::set<std::string> read_rule_ids(const std::string& path);

struct Coverage {
  std::string text;               // a table for people
  std::set<std::string> unseen;   // in the catalogue, never at work
  std::set<std::string> unknown;  // at work, not in the catalogue
};
// `in_stories`: rule -> the scenario in which it was seen first.
[[nodiscard]] Coverage cover(const std::set<std::string>& ids, const Summary& seeds,
                             const std::map<std::string, std::string>& in_stories);

}  // namespace pgherd::sim
