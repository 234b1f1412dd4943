// Peers: the door to the other members' REST APIs (`GET <api_url>`).
// Threads: called on the owner's loop; answers come later on that loop.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/instant.h"
#include "model/ids.h"
#include "model/peer_view.h"

namespace pgherd {

class Peers {
 public:
  virtual ~Peers() = default;

  // Asks all targets (name -> api_url) at the same time. `each` comes once per target, as soon as
  // that one has answered, refused or timed out, so that one silent host does not hide the others;
  // `all` once after the last.
  virtual void probe(const std::map<NodeName, std::string>& targets, Milliseconds timeout,
                     std::function<void(NodeName, PeerView)> each, std::function<void()> all) = 0;

  // POST /failsafe to all targets at the same time; one answer, as soon as all have accepted, or
  // one has not. No targets: accepted.
  virtual void ask_failsafe(const FailsafePing& ping,
                            const std::map<NodeName, std::string>& targets, Milliseconds timeout,
                            std::function<void(FailsafeRound)> done) = 0;
};

}  // namespace pgherd
