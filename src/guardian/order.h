// Orders: what an agent tells its guardian, over an abstract unix socket of packets. Both ends are
// the same binary on the same machine, but after an upgrade a newer agent meets an older guardian:
// the version makes that visible, and the guardian then becomes the program that it was started
// from, as it is now (exec): the same process, so PostgreSQL, its child, goes on. What it has to
// keep goes along as arguments.
#pragma once

#include <cstdint>
#include <string>

#include "base/instant.h"

namespace pgherd {

inline constexpr std::uint32_t kOrderMagic = 0x70674864;  // "pgHd"
inline constexpr std::uint32_t kOrderVersion = 3;

// What is asked for by a packet.
inline constexpr std::uint64_t kFenceOrder = 0;
inline constexpr std::uint64_t kLaunchOrder = 1;  // carries two descriptors (launch.h)

struct Order {
  std::uint32_t magic = kOrderMagic;
  std::uint32_t version = kOrderVersion;
  std::uint64_t serial = 0;
  std::int64_t fence_at = Instant::never().nanoseconds();  // never: disarmed
  std::int64_t postmaster_pid = 0;                         // 0: whatever runs on the data directory
  std::uint64_t postmaster_started = 0;
  std::uint64_t earlier_stands = 0;  // 1: an order that comes earlier is not replaced
  std::uint64_t kind = kFenceOrder;
  std::int64_t not_after = 0;  // of a launch
};
static_assert(sizeof(Order) == 64, "orders cross process boundaries: no padding");

struct OrderTaken {
  std::uint32_t magic = kOrderMagic;
  std::uint32_t version = kOrderVersion;
  std::uint64_t serial = 0;
  std::int64_t server_pid = 0;  // of a launch; 0: not started, and why
  std::int64_t error = 0;       // errno; ETIME: it came too late
};
static_assert(sizeof(OrderTaken) == 32, "answers cross process boundaries: no padding");

// The socket's name in the abstract namespace, without the leading zero: one for each data
// directory and user. `data_dir` may not exist yet, the directory it is in must.
[[nodiscard]] std::string guardian_socket_name(const std::string& data_dir);

}  // namespace pgherd
