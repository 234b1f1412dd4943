// What the agent is told: the store's picture, what was seen of PostgreSQL and of peers, how steps
// ended, and what people and other members ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/instant.h"
#include "base/shared.h"
#include "decide/observation.h"

namespace pgherd {

using StepId = std::uint64_t;

// The store's picture changed, or was confirmed to be still true (`cluster` empty).
struct StorePictured {
  Shared<ClusterView> cluster;
};
struct StoreSilent {  // watch or read failed; the picture is not to be trusted any more
  std::string problem;
};
struct InstanceSeen {
  InstanceView view;
};
struct PeerAnswered {
  NodeName name;
  PeerView view;
};

// `outcome`: of the type that the step names.
struct StepEnded {
  StepId id = 0;
  Outcome outcome;
};
struct TimeCame {};
struct SettingsRead {  // dynamic or local configuration changed
  Identity self;
  Settings settings;
};
struct RestartAsked {
  RestartRequest request;
};
struct LeaveAsked {};
// Each is answered at once (AnswerRequest).
struct RestartScheduled {
  std::uint64_t id = 0;
  ScheduledRestart request;
};
struct RestartUnscheduled {
  std::uint64_t id = 0;
};
struct ReinitializeAsked {
  std::uint64_t id = 0;
  bool from_leader = false;
  bool force = false;
};
struct FailsafeAsked {  // a primary without the store asks this node not to take its place
  std::uint64_t id = 0;
  FailsafePing ping;
};

using Event = std::variant<StorePictured, StoreSilent, InstanceSeen, PeerAnswered, StepEnded,
                           TimeCame, SettingsRead, RestartAsked, LeaveAsked, RestartScheduled,
                           RestartUnscheduled, ReinitializeAsked, FailsafeAsked>;

}  // namespace pgherd
