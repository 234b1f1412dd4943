// Haste: how many steps each agent starts within any second, lane by lane. A step that fails and is
// planned again at once starts as fast as the machine can, for ever; whatever else an agent has to
// do, it does a few times a second at most. And how often its clock wakes it, which would be for
// ever if a rule asked for an instant that is over.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "steps/step.h"

namespace pgherd::sim {

class Haste {
 public:
  // What is too much. A leader that steps down asks every 50 ms who has its last record, that is 20
  // times; a member that is stopped, started and promoted while its lease is exchanged writes its
  // key 13 times, which is the most of anything else in 8,000 seeds. Hurried from outside an agent
  // may do as much as it lets itself be hurried to (agent/lane_pace.h), and no more.
  [[nodiscard]] static int bound(bool is_hurried) { return is_hurried ? 50 : 25; }
  // How many this lane of this agent has started within the last second, this one included.
  int started(const NodeName& who, Lane lane, Instant now);
  // The most that any agent has started within a second.
  [[nodiscard]] const std::map<Lane, int>& most() const { return most_; }

  [[nodiscard]] static int bound_of_wakes() { return 100; }
  // How often this agent's clock has woken it within the last second, this time included.
  int woken(const NodeName& who, Instant now);
  [[nodiscard]] int most_wakes() const { return most_wakes_; }

 private:
  std::map<std::pair<NodeName, Lane>, std::deque<Instant>> starts_;
  std::map<Lane, int> most_;
  std::map<NodeName, std::deque<Instant>> wakes_;
  int most_wakes_ = 0;
};

}  // namespace pgherd::sim
