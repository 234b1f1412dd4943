// StandbyList: synchronous_standby_names as an invented PostgreSQL reads it, and as the referee
// judges by it: neither parser nor arithmetic is shared with the rules.
// Authority: PostgreSQL manual 19.6.2, synchronous_standby_names; syncrep_gram.y.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"

namespace pgherd::sim {

struct StandbyList {
  std::string text;             // as it was written
  std::size_t count = 0;        // how many of them must have a commit; 0: nobody is waited for
  bool is_any = false;          // whichever of them; else those that come first in the list
  std::vector<NodeName> names;  // "*" is anybody

  [[nodiscard]] bool is_empty() const { return count == 0; }
  [[nodiscard]] bool has_star() const;
  // The first place of the list that fits the standby.
  [[nodiscard]] std::optional<std::size_t> place_of(const NodeName& standby) const;
};

// What PostgreSQL would refuse waits for anybody at all.
[[nodiscard]] StandbyList read_standby_list(const std::string& text);

}  // namespace pgherd::sim
