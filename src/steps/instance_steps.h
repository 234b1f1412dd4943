// The long acts on the local PostgreSQL: one at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "model/lsn.h"
#include "steps/lane.h"
#include "steps/outcome.h"
#include "steps/upstream.h"

namespace pgherd {

// Initdb, start, users, post_bootstrap; ends with a running primary.
struct Bootstrap {
  static constexpr std::string_view kName = "Bootstrap";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  bool operator==(const Bootstrap&) const = default;
};

// The broken directory is moved aside (`<dir>.failed`), nothing is deleted.
struct SetAsideDataDirectory {
  static constexpr std::string_view kName = "SetAsideDataDirectory";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  std::string why;
  bool is_failed_bootstrap = false;  // what is moved is what this node has begun to make
  bool operator==(const SetAsideDataDirectory&) const = default;
};

// pg_basebackup, or a command of the operator's, into an empty directory, then stay stopped. The
// source's slot is made first. From nobody (host ""): only by what needs nobody to copy from.
struct CloneFrom {
  static constexpr std::string_view kName = "CloneFrom";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Upstream source;
  [[nodiscard]] std::string detail() const;
  bool operator==(const CloneFrom&) const = default;
};

// Crash recovery and on with it, same timeline.
struct StartPrimary {
  static constexpr std::string_view kName = "StartPrimary";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Instant lease_valid_until;  // the postmaster is not started later than this
  bool operator==(const StartPrimary&) const = default;
};

struct StartStandby {
  static constexpr std::string_view kName = "StartStandby";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Upstream upstream;
  [[nodiscard]] std::string detail() const;
  bool operator==(const StartStandby&) const = default;
};

// Point a running standby at another upstream (reload).
struct Follow {
  static constexpr std::string_view kName = "Follow";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Upstream upstream;
  [[nodiscard]] std::string detail() const;
  bool operator==(const Follow&) const = default;
};

struct Promote {
  static constexpr std::string_view kName = "Promote";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Instant lease_valid_until;  // checked again just before the point of no return
  Timeline timeline;          // to begin, no lower one; 0: whatever comes next
  bool operator==(const Promote&) const = default;
};

enum class DemoteMode {
  Graceful,         // checkpoint, fast shutdown; the key is released when a standby has everything
  Immediate,        // immediate shutdown, the key is released
  ImmediateNoLock,  // immediate shutdown: the key is not ours any more
  Offline,          // fast shutdown: the store is silent and the lease still protects for a while
  DemoteCluster,    // checkpoint, fast shutdown: the cluster becomes a standby of another one
};
[[nodiscard]] std::string_view name_of(DemoteMode mode);  // "graceful"

// Stops PostgreSQL and leaves it stopped; recovery decides how it comes back.
struct Demote {
  static constexpr std::string_view kName = "Demote";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  DemoteMode mode{};
  [[nodiscard]] std::string detail() const;
  bool operator==(const Demote&) const = default;
};

enum class StopMode { Fast, Immediate };

// The agent is leaving, or the directory must be at rest.
struct Stop {
  static constexpr std::string_view kName = "Stop";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  StopMode mode{};
  [[nodiscard]] std::string detail() const;
  bool operator==(const Stop&) const = default;
};

// An operator asked for it; the role stays.
struct Restart {
  static constexpr std::string_view kName = "Restart";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  std::optional<Milliseconds> timeout;
  bool is_primary = false;
  // Of a primary: it is not started again later than this (the agent may hang between stop and
  // start). Begun in maintenance mode, which may end before the restart does, it has no limit.
  Instant lease_valid_until = Instant::never();
  // Of a member of a standby cluster; else it follows whom it followed.
  std::optional<Upstream> upstream = {};
  bool operator==(const Restart&) const = default;
};

// Compare the local history with the one of the primary `source`.
struct ExamineDivergence {
  static constexpr std::string_view kName = "ExamineDivergence";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Upstream source;
  [[nodiscard]] std::string detail() const;
  bool operator==(const ExamineDivergence&) const = default;
};

struct Rewind {
  static constexpr std::string_view kName = "Rewind";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  Upstream source;
  [[nodiscard]] std::string detail() const;
  bool operator==(const Rewind&) const = default;
};

// Remove the data directory so that a fresh copy can be made. Only where the settings allow it or
// an operator asked; never planned in the absence of a leader to copy from.
struct RemoveDataDirectory {
  static constexpr std::string_view kName = "RemoveDataDirectory";
  static constexpr Lane kLane = Lane::Instance;
  using Outcome = ActEnd;
  std::string why;
  bool operator==(const RemoveDataDirectory&) const = default;
};

}  // namespace pgherd
