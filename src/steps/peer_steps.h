// Steps towards other members.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "model/ids.h"
#include "model/peer_view.h"
#include "steps/lane.h"
#include "steps/outcome.h"

namespace pgherd {

// Ask these members (name -> api_url) for their state, all at once, `timeout` each.
struct ProbePeers {
  static constexpr std::string_view kName = "ProbePeers";
  static constexpr Lane kLane = Lane::Peers;
  using Outcome = PeersAsked;
  std::map<NodeName, std::string> targets;
  Milliseconds timeout{};
  bool operator==(const ProbePeers&) const = default;
};

// Tell these members (name -> api_url), all at once, that this leader has lost the store and goes
// on if all of them accept that.
struct AskFailsafe {
  static constexpr std::string_view kName = "AskFailsafe";
  static constexpr Lane kLane = Lane::FailsafeRound;
  using Outcome = FailsafeAnswer;
  std::map<NodeName, std::string> targets;
  FailsafePing ping;
  Milliseconds timeout{};
  bool operator==(const AskFailsafe&) const = default;
};

}  // namespace pgherd
