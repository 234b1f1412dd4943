// Small acts on a running PostgreSQL, beside the long ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "steps/lane.h"
#include "steps/outcome.h"
#include "steps/upstream.h"

namespace pgherd {

// After a promotion, so that pg_control shows the new timeline.
struct Checkpoint {
  static constexpr std::string_view kName = "Checkpoint";
  static constexpr Lane kLane = Lane::Checkpoint;
  using Outcome = ActEnd;
  bool operator==(const Checkpoint&) const = default;
};

struct ResumeReplay {
  static constexpr std::string_view kName = "ResumeReplay";
  static constexpr Lane kLane = Lane::Replay;
  using Outcome = ActEnd;
  bool operator==(const ResumeReplay&) const = default;
};

// Reload a standby that does not stream from `upstream`, whom it follows: its startup process
// connects at once, where it would sleep for what is left of wal_retrieve_retry_interval.
struct WakeReceiver {
  static constexpr std::string_view kName = "WakeReceiver";
  static constexpr Lane kLane = Lane::Replay;
  using Outcome = ActEnd;
  Upstream upstream;
  bool operator==(const WakeReceiver&) const = default;
};

// Write the configuration files again and reload: the dynamic or local configuration changed.
struct ApplyConfiguration {
  static constexpr std::string_view kName = "ApplyConfiguration";
  static constexpr Lane kLane = Lane::Configuration;
  using Outcome = ActEnd;
  std::string generation;                 // what is applied, so that the same is not applied twice
  std::optional<Upstream> upstream = {};  // as of Restart
  bool operator==(const ApplyConfiguration&) const = default;
};

// Write synchronous_standby_names and reload; done when it is in force in every process that
// decides by it. nullopt: what the operator configured, as if nobody managed it.
struct SetSyncNames {
  static constexpr std::string_view kName = "SetSyncNames";
  static constexpr Lane kLane = Lane::SyncNames;
  using Outcome = ActEnd;
  std::optional<std::string> text;
  [[nodiscard]] std::string detail() const;
  bool operator==(const SetSyncNames&) const = default;
};

// Look at PostgreSQL now (the monitoring query); the answer is an event.
struct ObserveInstance {
  static constexpr std::string_view kName = "ObserveInstance";
  static constexpr Lane kLane = Lane::Observe;
  using Outcome = Looked;
  bool operator==(const ObserveInstance&) const = default;
};

}  // namespace pgherd
