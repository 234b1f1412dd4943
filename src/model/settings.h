// Settings: the part of the dynamic configuration (`/config`) that the HA rules read, with
// Patroni's names and defaults. Parsing and clamping is codec's work; here are only values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"

namespace pgherd {

enum class SynchronousMode { Off, On, Quorum };

struct StandbyClusterSettings {
  std::string host;
  std::string port;
  std::string primary_slot_name;
  std::string restore_command;
  std::string archive_cleanup_command;
  std::string recovery_min_apply_delay;
  friend bool operator==(const StandbyClusterSettings&, const StandbyClusterSettings&) = default;
};

// A slot that stands in `/config` (`slots`): it is there whoever leads.
struct PermanentSlot {
  enum class Side { Both, Primary, Standby };  // `cluster_type`: in which kind of cluster
  std::string name;
  bool is_logical = false;
  std::string database;  // of a logical one
  std::string plugin;
  Side side = Side::Both;
  friend bool operator==(const PermanentSlot&, const PermanentSlot&) = default;
};
// `ignore_slots`: a slot that fits all that is given here is left alone. Empty: fits any.
struct SlotMatcher {
  std::string name;
  std::string type;  // "physical", "logical"
  std::string database;
  std::string plugin;
  friend bool operator==(const SlotMatcher&, const SlotMatcher&) = default;
};

struct Settings {
  Milliseconds ttl = 30s;
  Milliseconds loop_wait = 10s;
  Milliseconds retry_timeout = 10s;
  std::int64_t maximum_lag_on_failover_bytes = 1048576;
  bool check_timeline = false;
  Milliseconds primary_start_timeout = 300s;
  Milliseconds primary_stop_timeout = 0s;  // 0: no limit
  // How long a standby whose stream goes on leaves the key of a silent leader alone.
  Milliseconds primary_race_backoff = 0s;
  SynchronousMode synchronous_mode = SynchronousMode::Off;
  bool synchronous_mode_strict = false;
  int synchronous_node_count = 1;
  std::int64_t maximum_lag_on_syncnode_bytes = -1;  // <= 0: off
  bool failsafe_mode = false;
  bool paused = false;
  Milliseconds member_slots_ttl = 1800s;   // 0: slots of absent members are not kept
  std::int64_t slots_wal_limit_bytes = 0;  // what one slot may hold back; 0: no limit
  int max_timelines_history = 0;           // 0: keep all
  bool use_slots = true;
  bool use_pg_rewind = false;
  bool remove_data_directory_on_rewind_failure = false;
  bool remove_data_directory_on_diverged_timelines = false;
  std::optional<StandbyClusterSettings> standby_cluster;
  std::vector<PermanentSlot> permanent_slots;
  std::vector<SlotMatcher> ignore_slots;

  friend bool operator==(const Settings&, const Settings&) = default;
};

// What the local `postgresql` section says about settings that otherwise come from `/config`: local
// beats dynamic, key by key.
struct LocalOverrides {
  std::optional<bool> use_pg_rewind;
  std::optional<bool> remove_data_directory_on_rewind_failure;
  std::optional<bool> remove_data_directory_on_diverged_timelines;
  friend bool operator==(const LocalOverrides&, const LocalOverrides&) = default;
};
[[nodiscard]] Settings with_overrides(Settings settings, const LocalOverrides& overrides);

// How long before the end of its lease a leader has stopped acknowledging writes, whatever hangs.
// The rule (safety A3): writes end before `sent + ttl`, counted by the holder's own
// clock.
struct LeaseMargins {
  Duration renew_every;  // from one confirmed renewal to the next attempt
  Duration
      demote_after;  // from the sending of the last confirmed renewal: the agent stops PostgreSQL
  Duration fence_after;  // likewise: the guardian kills whatever is still alive
};

// renew_every = min(loop_wait, ttl/4); the last quarter of the lease (0.5 s to 5 s of it) is for
// stopping: an immediate shutdown starts at its beginning, the guardian's kill comes at its middle.
[[nodiscard]] LeaseMargins lease_margins(const Settings& settings);
// Of a lease that is held: the ttl may have been changed since it was granted.
[[nodiscard]] LeaseMargins lease_margins(const Settings& settings, Milliseconds lease_ttl);

// The other parts of a ttl. All waits that stand between a fault and a new leader are made of
// these: several of each fit into the time that a lease has left (docs/safety.md).

// For one answer of another member: ttl/10, 0.3 s to 2 s.
[[nodiscard]] Milliseconds probe_patience(const Settings& settings);
// For one answer of the store: ttl/8, 0.5 s to retry_timeout: late enough for an election of etcd,
// early enough for several attempts within the lease.
[[nodiscard]] Duration store_patience(const Settings& settings);
// How often a watch has to show that it lives (three missing, and the store counts as silent):
// ttl/8, 0.3 s to 1 s.
[[nodiscard]] Milliseconds sign_of_life_every(const Settings& settings);
// From the last renewal until a leader in failsafe mode asks the members instead of the store.
[[nodiscard]] Duration failsafe_after(const Settings& settings, Milliseconds lease_ttl);

}  // namespace pgherd
