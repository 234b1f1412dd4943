// The address of the member that a standby follows, which is written into primary_conninfo beside
// its name. PostgreSQL's WAL receiver cannot be ended while it waits for a name server, and a
// promotion waits for the receiver: the name of a machine that has just died can take half a minute
// (20 s with Docker's name server), and its successor would open so much later.
//
// The name stays what is meant: it is looked up again whenever the standby begins to follow, is
// started or has its receiver woken. An address at which nobody answers is left out after a few
// attempts, and PostgreSQL asks for the name itself.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "base/instant.h"
#include "steps/upstream.h"

namespace pgherd {

struct ActContext;

struct UpstreamAddress {
  std::string host;     // "": nothing is known yet, what the file says holds
  std::string address;  // "": by name
  int wakes = 0;        // in vain, one shortly after the other
  Instant woken_at = {};
};

// What is to be written for this upstream; "": by name alone. Asks nobody.
[[nodiscard]] std::string known_address(ActContext& context, const Upstream& upstream);
// Asks for the name, for a quarter of a second at most. By name alone stay: a name with several
// addresses, the primary of another cluster, a socket's directory, and a name without an answer.
[[nodiscard]] boost::asio::awaitable<void> look_up_upstream(ActContext& context, Upstream upstream);
// The same for a receiver that is woken. True when something else than before is to be written.
[[nodiscard]] boost::asio::awaitable<bool> look_up_for_wake(ActContext& context, Upstream upstream);

}  // namespace pgherd
