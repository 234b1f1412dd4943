// How a step ended. Each kind of step names the one of these that it ends with.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include "base/instant.h"
#include "base/shared.h"
#include "model/ids.h"
#include "model/instance_view.h"
#include "model/lsn.h"
#include "model/peer_view.h"
#include "model/watchdog_view.h"

namespace pgherd {

// Unknown is never "refused": the next picture tells.
enum class StoreOutcome { Applied, Refused, LeaseLost, Unknown };
struct StoreAnswer {
  StoreOutcome outcome = StoreOutcome::Unknown;
  Revision revision = {};  // of the store, as the answer to a transaction said
  std::string detail = {};
};
struct LeaseAnswer {
  StoreOutcome outcome = StoreOutcome::Unknown;
  Revision revision = {};
  LeaseId lease = {};  // that was granted
  Milliseconds ttl{};  // what the store gave
  std::string detail = {};
};

struct PeersAsked {};  // what they said has come before
struct FailsafeAnswer {
  FailsafeRound round;
};

// What a comparison of histories told.
enum class Divergence {
  None,      // the local history is a prefix of the source's
  Diverged,  // something local is not in the source's history
  Unknown,   // could not be told (source unreachable, source not ready)
};
struct DivergenceSeen {
  NodeName source;
  Timeline source_timeline;
  Divergence verdict = Divergence::Unknown;
  std::string detail;  // "timeline 3 ends at 0/5000060 there, local WAL goes to 0/50001A8"
  Instant seen_at;
  bool operator==(const DivergenceSeen&) const = default;
};

// Refused: the operator's own script said no, and nothing was changed.
enum class ActOutcome { Done, Failed, Cancelled, TimedOut, Refused };
struct ActEnd {
  ActOutcome outcome = ActOutcome::Done;
  std::string detail = {};
  std::optional<DivergenceSeen> divergence = {};
  // What was seen of PostgreSQL after it; part of the same event, so that no decision sees a server
  // that is not what the act has made of it. Empty: it could not be looked at.
  Shared<InstanceView> seen_after = {};
};
struct Looked {
  Shared<InstanceView> view = {};
};

struct WatchdogAnswer {
  WatchdogView view;
};
struct NoAnswer {};

using Outcome = std::variant<StoreAnswer, LeaseAnswer, PeersAsked, FailsafeAnswer, ActEnd, Looked,
                             WatchdogAnswer, NoAnswer>;
// Steps that end so.
template <typename S, typename O>
concept EndsWith = std::is_same_v<typename S::Outcome, O>;

// The lane rests a moment before it tries again.
[[nodiscard]] bool has_failed(const Outcome& outcome);

}  // namespace pgherd
