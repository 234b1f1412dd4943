// Orders: what an agent tells its guardian, over an abstract unix socket of packets. Both ends are
// the same binary on the same machine, but after an upgrade a newer agent meets an older guardian:
// the version makes that visible, and the guardian then hands over by going away.
#pragma once

#include <cstdint>
#include <string>

#include "base/instant.h"

namespace pgherd {

inline constexpr std::uint32_t kOrderMagic = 0x70674864;  // "pgHd"
inline constexpr std::uint32_t kOrderVersion = 2;

struct Order {
  std::uint32_t magic = kOrderMagic;
  std::uint32_t version = kOrderVersion;
  std::uint64_t serial = 0;
  std::int64_t fence_at = Instant::never().nanoseconds();  // never: disarmed
  std::int64_t postmaster_pid = 0;                         // 0: whatever runs on the data directory
  std::uint64_t postmaster_started = 0;
  std::uint64_t earlier_stands = 0;  // 1: an order that comes earlier is not replaced
};
static_assert(sizeof(Order) == 48, "orders cross process boundaries: no padding");

struct OrderTaken {
  std::uint32_t magic = kOrderMagic;
  std::uint32_t version = kOrderVersion;
  std::uint64_t serial = 0;
};
static_assert(sizeof(OrderTaken) == 16, "answers cross process boundaries: no padding");

// The socket's name in the abstract namespace, without the leading zero: one for each data
// directory and user. `data_dir` may not exist yet, the directory it is in must.
[[nodiscard]] std::string guardian_socket_name(const std::string& data_dir);

}  // namespace pgherd
