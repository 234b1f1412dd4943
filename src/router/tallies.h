// What the router counts. Written by the loops, read by the statistics; every number is right by
// itself, several of them may be of slightly different moments.
//
// Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/instant.h"
#include "model/ids.h"
#include "routing/route.h"
#include "routing/routes.h"

namespace pgherd::router {

using Count = std::atomic<std::uint64_t>;

inline void add(Count& count, std::uint64_t more = 1) {
  count.fetch_add(more, std::memory_order_relaxed);
}
inline void subtract(Count& count) {
  count.fetch_sub(1, std::memory_order_relaxed);
}
[[nodiscard]] inline std::uint64_t value_of(const Count& count) {
  return count.load(std::memory_order_relaxed);
}

// The sessions of one port with one server.
struct alignas(64) LegTally {
  Count open_now{0};  // and those that are being made
  Count opened{0};
  Count from_clients_bytes{0};
  Count to_clients_bytes{0};
  Count answers{0};  // how often the server was ready for the next query
};

// One server; lives as long as the router, whoever leads.
struct alignas(64) ServerTally {
  explicit ServerTally(NodeName its_name) : name(std::move(its_name)) {}
  const NodeName name;
  std::array<LegTally, 2> legs;  // by Purpose
  Count failures{0};
  // After a failure it is left alone until then (nanoseconds of Instant), a little longer each
  // time.
  std::atomic<std::int64_t> unreachable_until{0};
  std::atomic<std::uint32_t> failures_in_a_row{0};

  [[nodiscard]] LegTally& leg(Purpose purpose) { return legs[static_cast<std::size_t>(purpose)]; }
  [[nodiscard]] const LegTally& leg(Purpose purpose) const {
    return legs[static_cast<std::size_t>(purpose)];
  }
  [[nodiscard]] std::uint64_t sessions() const {
    return value_of(legs[0].open_now) + value_of(legs[1].open_now);
  }
};

// One of the two ports.
struct alignas(64) PortTally {
  Count accepted{0};
  Count open_now{0};  // sessions that have a server
  Count held_now{0};
  Count held{0};  // that had to wait, ever
  Count held_microseconds{0};
  Count refused{0};     // no server within the hold
  Count cut{0};         // because the roles changed
  Count lost{0};        // because the server was gone without a word
  Count parked_now{0};  // at rest, until the primary has moved
  Count moved{0};       // to another server, without their clients' doing
};

struct alignas(64) RouterTally {
  std::array<PortTally, 2> ports;  // by Purpose
  Count connections_now{0};        // of clients, whatever they have said yet
  Count foreign{0};                // openings that were no PostgreSQL
  Count malformed{0};
  Count startup_timeouts{0};
  Count too_many{0};
  Count cancels{0};
  Count cancels_of_unknown{0};
  // When the store was last known to say what the routes say (nanoseconds of Instant).
  std::atomic<std::int64_t> seen_at{0};

  [[nodiscard]] PortTally& port(Purpose purpose) {
    return ports[static_cast<std::size_t>(purpose)];
  }
  [[nodiscard]] const PortTally& port(Purpose purpose) const {
    return ports[static_cast<std::size_t>(purpose)];
  }
};

// Routes with the counters of their servers, in the same order. Does not change once it is made.
struct RoutePlan {
  Routes routes;
  std::vector<std::shared_ptr<ServerTally>> tallies;
};

}  // namespace pgherd::router
