// InstanceView: what is seen of the local PostgreSQL at one moment: data directory, process, one
// monitoring query and pg_control. Everything that could not be read is absent, never guessed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "model/cluster_view.h"
#include "model/ids.h"
#include "model/lsn.h"

namespace pgherd {

enum class DataDirectory {
  Unknown,       // not looked at yet
  Missing,       // does not exist, or exists and is empty
  Valid,         // has PG_VERSION and a readable pg_control
  Broken,        // has something, but no cluster that can be started (an interrupted copy, say)
  Inaccessible,  // I/O error, wrong owner or mode: `data_directory_problem` says which
};

enum class ProcessState {
  Unknown,
  Stopped,
  Starting,  // the postmaster is there and does not accept connections yet
  Running,   // accepts connections
  Stopping,
};

// "Database cluster state" of pg_control (PostgreSQL src/include/catalog/pg_control.h, DBState).
enum class ControlState {
  Unknown,
  StartingUp,
  ShutDown,
  ShutDownInRecovery,
  ShuttingDown,
  InCrashRecovery,
  InArchiveRecovery,
  InProduction,
};

struct ControlData {
  SystemId system_id;
  ControlState state = ControlState::Unknown;
  Timeline timeline;  // of the latest checkpoint
  Lsn checkpoint;     // its location
  Lsn minimum_recovery_end;
  Timeline minimum_recovery_timeline;
  bool can_be_rewound = false;  // wal_log_hints on, or data checksums
  friend bool operator==(const ControlData&, const ControlData&) = default;
};

struct SlotView {
  std::string name;
  bool is_physical = true;
  bool is_active = false;
  bool is_temporary = false;
  Lsn restart_lsn;
  bool has_xmin = false;
  std::string wal_status;   // "reserved", "extended", "unreserved", "lost"
  std::string plugin = {};  // of a logical one
  std::string database = {};
  bool is_failover = false;  // PostgreSQL 17 keeps it in step by itself
  bool is_synced = false;    // of these: it is the primary's, kept in step on a standby
  Lsn confirmed_flush = {};  // of a logical one
  friend bool operator==(const SlotView&, const SlotView&) = default;
};

struct WalSenderView {
  std::string application_name;
  std::string state;  // "streaming", "catchup", "startup", "backup"
  std::string sync_state;
  Lsn written;
  Lsn flushed;
  Lsn replayed;
  std::string user;            // usename; only REST shows these three
  std::string client_address;  // "" through a Unix socket
  int sync_priority = 0;
  std::int64_t pid = 0;
  friend bool operator==(const WalSenderView&, const WalSenderView&) = default;
};

// What the running (or last written) configuration of a standby points at.
struct UpstreamView {
  std::string host;  // "" when it follows nobody
  std::string port;
  std::string slot;
  friend bool operator==(const UpstreamView&, const UpstreamView&) = default;
};

// What pg_waldump counts from the fork to the end of the local write-ahead log.
struct LostWal {
  Lsn from;
  Lsn to;
  std::uint64_t records = 0;
  std::uint64_t commits = 0;
  std::uint64_t aborts = 0;
  friend bool operator==(const LostWal&, const LostWal&) = default;
};
// "0/A000348 to 0/A031A70: 340 records, 12 commits, 1 abort".
[[nodiscard]] std::string describe(const LostWal& lost);

// Write-ahead log of this node that the cluster's history does not have, and what became of it.
struct DivergedWal {
  Timeline timeline;               // the local one
  Lsn from;                        // unknown: the whole timeline
  std::optional<LostWal> counted;  // nullopt: it could not be told
  std::string kept_in;             // a directory; "" when it was not kept (yet)
  friend bool operator==(const DivergedWal&, const DivergedWal&) = default;
};

struct InstanceView {
  Instant seen_at;

  DataDirectory data_directory = DataDirectory::Unknown;
  std::string data_directory_problem;
  std::optional<ControlData> control;
  // A standby.signal or recovery.signal lies in the data directory.
  bool has_standby_signal = false;
  // It is a recovery.signal alone: a backup that was restored, to be recovered from its archive.
  bool has_recovery_signal = false;

  std::optional<CopyProgress> copy;
  // What was last found to be here only, since the agent began; stays when it is rewound or
  // removed.
  std::optional<DivergedWal> diverged;

  ProcessState process = ProcessState::Unknown;
  std::int64_t postmaster_pid = 0;
  std::string postmaster_start_time;  // as PostgreSQL prints it, "" when unknown
  int server_version = 0;             // 170004

  // From the monitoring query; all absent while the server does not answer. A query that merely was
  // slow leaves the last known role standing (`role_is_stale`): never demote because of it.
  std::optional<bool> in_recovery;
  bool role_is_stale = false;
  Timeline timeline;
  Lsn flushed;   // primary: pg_current_wal_flush_lsn
  Lsn received;  // standby: max(received, written)
  Lsn replayed;  // standby
  Lsn latest_end;
  bool replay_is_paused = false;
  std::string replayed_timestamp;  // "" when null
  bool is_streaming = false;       // the WAL receiver says so
  bool has_restore_command = false;
  Timeline received_timeline;
  UpstreamView upstream;
  std::vector<WalSenderView> wal_senders;
  std::vector<SlotView> slots;
  // synchronous_standby_names as a new session sees it; whether SetSyncNames wrote it; whether
  // every process that decides by it is known to have read it; and a position that was written
  // after that (0: not known, or in recovery then). Acknowledgements after that position obey these
  // names.
  std::string sync_names;
  bool sync_names_are_ours = false;
  bool sync_names_are_in_force = false;
  Lsn sync_names_since;
  std::string synchronous_commit;  // as a new session sees it: what commits wait for on a standby
  std::map<std::string, PendingRestartReason> pending_restart;
  // The rows of the local .history file of `timeline`; absent while not read.
  std::optional<std::vector<HistoryRow>> history;

  [[nodiscard]] bool is_running_primary() const {
    return process == ProcessState::Running && in_recovery == false;
  }
  [[nodiscard]] bool is_running_standby() const {
    return process == ProcessState::Running && in_recovery == true;
  }
  // The position that counts in an election: what is safely here, replayed or not.
  [[nodiscard]] Lsn position() const {
    if (in_recovery == false) return flushed;
    return received < replayed ? replayed : received;
  }

  friend bool operator==(const InstanceView&, const InstanceView&) = default;
};

}  // namespace pgherd
