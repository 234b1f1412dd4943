// Member: what one node says of itself under `members/<name>` in the store. Patroni members and
// ours write the same fields (shared key layout), so the words here are theirs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/ids.h"
#include "model/lsn.h"

namespace pgherd {

// The published state; the order is the wire's index in /metrics and never changes.
enum class MemberState {
  InitDb,
  InitDbFailed,
  CustomBootstrap,
  CustomBootstrapFailed,
  CreatingReplica,
  Running,
  Starting,
  BootstrapStarting,
  StartFailed,
  Restarting,
  RestartFailed,
  Stopping,
  Stopped,
  StopFailed,
  Crashed,
};
[[nodiscard]] std::string_view to_string(MemberState state);  // "running", "creating replica", ...
[[nodiscard]] std::optional<MemberState> parse_member_state(std::string_view text);

enum class MemberRole { Primary, StandbyLeader, Replica, Promoted, Demoted, Uninitialized };
[[nodiscard]] std::string_view to_string(MemberRole role);  // "primary", "standby_leader", ...
// Accepts "master" for primary, as members before Patroni 4.0 write it.
[[nodiscard]] std::optional<MemberRole> parse_member_role(std::string_view text);

// Effective tags: contradictions between a flag and its priority are already resolved.
struct Tags {
  bool nofailover = false;
  int failover_priority = 1;
  bool clonefrom = false;
  bool noloadbalance = false;
  bool nosync = false;
  int sync_priority = 1;
  bool nostream = false;
  std::optional<NodeName> replicatefrom;
  // The JSON object as it is published (order and types as the file has them); "" when there is
  // none.
  std::string published;

  friend bool operator==(const Tags&, const Tags&) = default;
};

struct PendingRestartReason {
  std::string old_value;
  std::string new_value;
  friend bool operator==(const PendingRestartReason&, const PendingRestartReason&) = default;
};

// A copy of the data directory that is under way. Not Patroni's, which leaves such a key alone.
struct CopyProgress {
  std::string from;  // the source's name, "" when a tool brings its own
  std::uint64_t copied_bytes = 0;
  std::uint64_t total_bytes = 0;  // 0: not known
  std::int64_t seconds = 0;       // since it began
  friend bool operator==(const CopyProgress&, const CopyProgress&) = default;
};
// "37 % of 10.0 GB, 45.2 MB/s, 2 min left"; what is not known is left out.
[[nodiscard]] std::string describe(const CopyProgress& copy);

struct Member {
  NodeName name;
  std::string conn_url;  // postgres://host:port/database, never credentials
  std::string api_url;   // http[s]://host:port/patroni
  std::string proxy_url;
  std::optional<MemberState> state;
  std::optional<MemberRole> role;
  std::string version;
  Tags tags;
  std::optional<Lsn> xlog_location;
  std::optional<Lsn> receive_lsn;
  std::optional<Lsn> replay_lsn;
  std::string replication_state;  // "streaming", "in archive recovery" or ""
  std::optional<Timeline> timeline;
  // A leader that has not checkpointed since its promotion is no source for pg_rewind.
  bool checkpoint_after_promote_is_pending = false;
  bool pending_restart = false;
  std::map<std::string, PendingRestartReason> pending_restart_reason;
  bool pause = false;
  std::string scheduled_restart;  // JSON object, "" when none
  std::optional<CopyProgress> copy;

  // Bookkeeping of the store, not part of the value.
  Revision mod_revision;
  LeaseId lease;

  friend bool operator==(const Member&, const Member&) = default;
};

// Host and port of a `postgres://host:port/db` URL; port 5432 when absent; nullopt when unusable.
struct HostPort {
  std::string host;
  std::string port;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};
[[nodiscard]] std::optional<HostPort> parse_conn_url(std::string_view conn_url);

// The physical replication slot of a member: lower case, '-' and '.' become '_', other characters
// outside [a-z0-9_] become 'u' and the code point in at least four digits, cut at 63 (as Patroni).
[[nodiscard]] std::string slot_name_of(std::string_view member_name);

}  // namespace pgherd
