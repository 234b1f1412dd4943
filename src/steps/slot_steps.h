// Replication slots: what is kept beside the long acts, and the one long act that some of it needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/lsn.h"
#include "steps/lane.h"
#include "steps/outcome.h"
#include "steps/upstream.h"

namespace pgherd {

struct WantedSlot {
  std::string name;
  Lsn advance_to;  // standby only, 0: leave where it is
  bool is_logical = false;
  std::string database = {};  // of a logical one
  std::string plugin = {};
  bool operator==(const WantedSlot&) const = default;
};

// Create what is missing, drop my physical member slots that are not wished for, advance the rest.
struct KeepSlots {
  static constexpr std::string_view kName = "KeepSlots";
  static constexpr Lane kLane = Lane::Slots;
  using Outcome = ActEnd;
  std::vector<WantedSlot> wanted;
  std::vector<std::string> drop;
  bool operator==(const KeepSlots&) const = default;
};

// A standby cannot make a logical slot that stands where the primary's does. So the primary's are
// copied as files while this standby is at rest: it is stopped and started again.
struct CopySlots {
  static constexpr std::string_view kName = "CopySlots";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Upstream source;  // the primary
  std::vector<WantedSlot> slots;
  [[nodiscard]] std::string detail() const;
  bool operator==(const CopySlots&) const = default;
};

}  // namespace pgherd
