// What operators ask of one node: a restart, a restart at a time, a fresh copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/instant.h"
#include "model/member.h"

namespace pgherd {

// An operator's request that is answered when it has been carried out (restart) or that ends the
// agent.
struct RestartRequest {
  std::uint64_t id = 0;  // for the answer
  std::optional<Milliseconds> timeout;
  Instant asked_at = {};
  bool operator==(const RestartRequest&) const = default;
};

// A restart at a time, with what must be so then. Lives as long as the agent does.
struct ScheduledRestart {
  WallTime at;
  std::optional<MemberRole> role;
  int below_version = 0;  // only if the server's version number is lower; 0: whatever it is
  bool only_if_pending = false;
  std::optional<Milliseconds> timeout;
  std::string postmaster_start_time;  // of the server that is meant
  std::string published;              // JSON object for the member key
  bool operator==(const ScheduledRestart&) const = default;
};

// Throw this node's data away and copy it anew.
struct ReinitializeRequest {
  bool from_leader = false;  // and from nobody else
  bool force = false;        // end what is under way
  Instant asked_at;
  bool operator==(const ReinitializeRequest&) const = default;
};

}  // namespace pgherd
