// route(): where one client goes, now. judge(): whether a session that exists may go on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "model/router_config.h"
#include "routing/routes.h"

namespace pgherd {

enum class Purpose { Write, Read };

struct Client {
  Purpose purpose = Purpose::Write;
  Instant arrived;
};

// What is known of each server of the routes beside the store's picture, in the same order.
struct ServerLoad {
  std::uint64_t sessions = 0;   // under way or being made, of both ports
  bool is_unreachable = false;  // a connection failed a moment ago
  friend bool operator==(const ServerLoad&, const ServerLoad&) = default;
};

// To this server of the routes.
struct To {
  std::size_t server = 0;
  // The server has to say, when the session begins, that it is not in recovery. If it is, the
  // session must not begin: what was elected is not promoted yet, or what was the primary is not
  // any more.
  bool must_be_primary = false;
  friend bool operator==(const To&, const To&) = default;
};
// Not now: ask again when the routes have changed, and at `until` at the latest.
struct Hold {
  Instant until;
  std::string why;
  friend bool operator==(const Hold&, const Hold&) = default;
};
// Never: with this SQLSTATE and these texts.
struct Refuse {
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  friend bool operator==(const Refuse&, const Refuse&) = default;
};
using Direction = std::variant<To, Hold, Refuse>;

// `seen_at`: when the store was last known to say what the routes say. `loads` is as long as
// routes.servers.
[[nodiscard]] Direction route(const Routes& routes, const std::vector<ServerLoad>& loads,
                              const Client& client, Instant seen_at, Instant now,
                              const RoutingSettings& settings);

// A session under way.
struct SessionFacts {
  Purpose purpose = Purpose::Write;
  NodeName server;
};
// Why it has to end, for its client; nullopt: it goes on. What ends by itself is not ended here: a
// server that stops says so to its clients.
[[nodiscard]] std::optional<std::string> why_doomed(const SessionFacts& session,
                                                    const Routes& routes,
                                                    const RoutingSettings& settings);

}  // namespace pgherd
