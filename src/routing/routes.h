// Routes: who takes writes and who takes reads, as the router's loops are told. A plain value, made
// by Planner for each picture of the cluster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "model/ids.h"
#include "model/member.h"

namespace pgherd {

// One member, reachable or not.
struct Server {
  NodeName name;
  HostPort address;
  std::optional<MemberRole> role;
  std::optional<MemberState> state;
  Timeline timeline;
  std::uint64_t lag_bytes = 0;  // of a standby, behind the newest known position of the primary
  Milliseconds lag_time{0};     // since the primary was where the standby is now, as published
  bool takes_reads = false;
  std::string why_no_reads;  // unless it takes them
  friend bool operator==(const Server&, const Server&) = default;
};

struct Routes {
  bool is_known = false;  // false: there was no picture of the cluster yet
  NodeName leader;        // who holds the leader key, "" when nobody does
  Revision reign;         // of the leader key: another number is another reign
  // The server that takes writes, by its place in `servers`; the leader, once it is open for them.
  std::optional<std::size_t> primary;
  // The leader of a standby cluster is in recovery: nobody takes writes, and that is as it should
  // be.
  bool primary_is_in_recovery = false;
  std::string why_no_primary;  // unless there is one
  // An operator has asked for another leader, and it has come to that, or the leader says itself
  // that it stops: its PostgreSQL is about to. Not for longer than kAnnouncedMax of Planner.
  std::optional<Revision> announced_change;  // mod_revision of the request or of `/stopping`
  std::vector<Server> servers;               // by name
  friend bool operator==(const Routes&, const Routes&) = default;
};

}  // namespace pgherd
