// The names of things: plain comparable values, strong enough that a lease cannot be passed for a
// revision.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace pgherd {

// A member's name as written in its configuration; case matters, except to
// synchronous_standby_names.
using NodeName = std::string;

// The decimal "Database system identifier" of pg_controldata; kept as text as `/initialize` has it.
using SystemId = std::string;

// A revision of the store (etcd: header.revision, kv.mod_revision). 0 means "never".
struct Revision {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(Revision, Revision) = default;
};

// A lease of the store. 0 means "none".
struct LeaseId {
  std::int64_t value = 0;
  [[nodiscard]] constexpr bool exists() const { return value != 0; }
  friend constexpr auto operator<=>(LeaseId, LeaseId) = default;
};

// A PostgreSQL timeline. 0 means "unknown" (PostgreSQL manual, 26.3.6: timelines begin at 1).
struct Timeline {
  std::uint32_t value = 0;
  [[nodiscard]] constexpr bool is_known() const { return value != 0; }
  friend constexpr auto operator<=>(Timeline, Timeline) = default;
};

}  // namespace pgherd
