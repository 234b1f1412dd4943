// What the herd's programs say about themselves, asked over REST, etcd's and the
// balancer's HTTP.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "local/herd.h"
#include "local/secrets.h"

namespace pgherd::local {

struct MemberLook {
  std::string name;
  bool answers = false;
  bool leads = false;         // holds the leader key, and PostgreSQL is open for writes
  bool is_streaming = false;  // a standby that follows
  std::string role;
  std::string state;
  std::int64_t timeline = 0;
};
[[nodiscard]] std::vector<MemberLook> look_at_members(const Herd& herd);

// How many etcd members answer and see a leader.
[[nodiscard]] int healthy_etcd_members(const Herd& herd);

struct BalancerLook {
  bool answers = false;
  int primaries = 0;  // servers that it would send writes to
  int standbys = 0;
};
[[nodiscard]] BalancerLook look_at_balancer(const Herd& herd, const Secrets& secrets);

// One leader, all others streaming, and the balancer knows it.
[[nodiscard]] bool is_complete(const Herd& herd, const std::vector<MemberLook>& members,
                               const BalancerLook& balancer);

}  // namespace pgherd::local
