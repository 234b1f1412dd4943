// Course: how a cluster came from one leader to the next, from what the store said again and again.
// Values only.
#pragma once

#include <optional>
#include <set>

#include "base/instant.h"
#include "model/cluster_view.h"

namespace pgherd::drill {

class Course {
 public:
  // `before`: as it was before the fault; it has a leader.
  explicit Course(const ClusterView& before);

  void see(const ClusterView& view, Instant at);

  [[nodiscard]] const NodeName& old_leader() const { return old_leader_; }
  [[nodiscard]] const NodeName& new_leader() const { return new_leader_; }
  [[nodiscard]] Timeline new_timeline() const { return new_timeline_; }
  // When it was first seen that ...
  [[nodiscard]] std::optional<Instant> left() const { return left_; }    // nobody or another leads
  [[nodiscard]] std::optional<Instant> taken() const { return taken_; }  // somebody leads again
  [[nodiscard]] std::optional<Instant> promoted() const { return promoted_; }  // it is a primary
  [[nodiscard]] std::optional<Instant> rejoined() const {
    return rejoined_;
  }  // the old one streams
  [[nodiscard]] std::optional<Instant> whole() const { return whole_; }  // and so do all the others

  // The old leader leads again, in a later reign or in the same one with another timeline.
  [[nodiscard]] bool is_led_by_old_leader() const { return new_leader_ == old_leader_; }

 private:
  NodeName old_leader_;
  Revision old_reign_;
  Timeline old_timeline_;
  std::set<NodeName> members_;
  NodeName new_leader_;
  Timeline new_timeline_;
  std::optional<Instant> left_, taken_, promoted_, rejoined_, whole_;
};

}  // namespace pgherd::drill
