// SimServer: an invented PostgreSQL: one data directory and at most one postmaster on it. It
// outlives the agent, as the real one does. Timelines, switch points, streaming, crash and clean
// shutdown behave as PostgreSQL's (manual 26.3.6 Timelines, 27.2.5 Streaming Replication); pages
// and rows do not exist.
//
// Threads: the world's one. Owned by its Host; other servers are reached through Servers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/instance_view.h"
#include "sim/sim_context.h"
#include "sim/sync_commit.h"
#include "sim/wal.h"

namespace pgherd::sim {

class SimServer;

// Finds a server by the host part of its address.
using Servers = std::map<std::string, SimServer*>;

enum class ShutdownMode { Fast, Immediate };

// What the referee must hear of at once, because it could not be seen afterwards.
struct ServerWitness {
  virtual ~ServerWitness() = default;
  virtual void opened_for_writes(const SimServer& server, bool is_new_timeline) = 0;
  virtual void attached(const SimServer& standby, const SimServer& upstream) = 0;
};

class SimServer {
 public:
  struct Directory {
    DataDirectory state = DataDirectory::Missing;
    SystemId system_id;
    Wal wal;
    ControlState control = ControlState::Unknown;
    Timeline control_timeline;
    Timeline newest_timeline;  // of the history files in pg_wal
    bool has_standby_signal = false;
    bool has_recovery_signal = false;
    UpstreamView upstream;
    // What the reader of each has confirmed last, while this is the primary.
    std::map<std::string, Lsn> slots;
    std::set<std::string> logical_slots;
    std::string sync_names;  // synchronous_standby_names in its configuration
    bool sync_names_are_ours = false;
  };

  SimServer(SimContext& sim, const Servers& servers, Place place, NodeName name);
  SimServer(const SimServer&) = delete;
  SimServer& operator=(const SimServer&) = delete;

  // ---- What is

  [[nodiscard]] const NodeName& name() const { return name_; }
  [[nodiscard]] Place place() const { return place_; }
  [[nodiscard]] const Directory& directory() const { return directory_; }
  [[nodiscard]] Directory& directory() { return directory_; }
  [[nodiscard]] ProcessState process() const { return process_; }
  [[nodiscard]] std::int64_t pid() const { return pid_; }
  [[nodiscard]] bool is_in_recovery() const { return is_in_recovery_; }
  [[nodiscard]] bool is_running_primary() const {
    return process_ == ProcessState::Running && !is_in_recovery_;
  }
  // A client could be told "committed" at this instant.
  [[nodiscard]] bool can_acknowledge() const {
    return has_backends_ && !is_in_recovery_ && !is_suspended_;
  }
  [[nodiscard]] bool is_streaming_from(const SimServer& upstream) const {
    return upstream_ == &upstream && process_ == ProcessState::Running && is_in_recovery_;
  }
  // Kept as true by Bootstrap until it has a leader key to show.
  bool is_bootstrapping = false;
  bool is_asked_to_stop = false;   // its agent works on it
  bool is_being_promoted = false;  // likewise
  bool may_not_lead = false;       // its agent has the tag nofailover
  Instant running_since;
  bool may_be_removed = false;  // an operator has asked for a fresh copy
  int fresh_copies_granted = 0;
  int failed_promotions = 0;  // in a row, since it was a primary or followed one

  // As the local monitoring query, pg_control and the process table would show it.
  [[nodiscard]] InstanceView view() const;

  // ---- What may be done

  // Starts a postmaster on a valid directory. `running` is told once: true when it accepts
  // connections, false when it ended before.
  void boot(bool as_standby, std::function<void(bool)> running);
  // Fast: backends end, shutdown checkpoint, standbys get it, exit. Immediate: exit. `stopped` is
  // told when the postmaster is gone, however it went. A second call can only make it faster.
  void shut_down(ShutdownMode mode, std::function<void()> stopped);
  // The disk is full: a primary ends in a panic, nothing starts.
  void fill_disk();
  // The machine sleeps: what is due happens when it wakes up.
  void suspend() { is_suspended_ = true; }
  void resume();
  bool disk_is_full = false;
  Instant could_not_start_at = Instant::never();  // for its disk was full, the last time
  bool ends_when_promoted = false;                // something on this machine is broken
  bool has_archive = false;                       // a restore_command is configured
  bool archive_is_broken = false;                 // the last segment in it was cut short
  bool is_without_archive = false;                // as it was started
  bool replay_is_paused = false;                  // of a standby, until it is resumed or promoted
  // SIGKILL to the whole process group, or power loss.
  void kill();
  // An operator puts a backup, which was never started, into the empty directory.
  void restore_backup();
  // Ends recovery on a new timeline at once (the caller has waited): the one after the last that it
  // has heard of, or `at_least`.
  void promote(Timeline at_least = {});
  // pg_control shows the running timeline from now on.
  void checkpoint();
  void follow(const UpstreamView& upstream);
  // A reload: a standby whose receiver sleeps until its next attempt makes it now.
  void wake_receiver();
  // One transaction: the record's number, or nothing if nobody here could acknowledge it. `told`
  // when it is acknowledged; never, if the server ends before.
  std::optional<std::uint64_t> write(OnCommit told = {});
  // Writes synchronous_standby_names and reloads; `in_force` is told when every process has read
  // it, unless the postmaster ends before.
  void set_sync_names(const std::string& text, bool are_ours, std::function<void()> in_force);
  [[nodiscard]] const SyncCommit& sync_commit() const { return sync_commit_; }

  // Somebody (the agent's door) who hears of changes that nobody there asked for; may be empty.
  std::function<void()> on_change;
  ServerWitness* witness = nullptr;

 private:
  struct Receiver {  // a standby that streams from here
    bool has_message_under_way = false;
    Instant last_arrival;
    Lsn flushed;
  };

  void enter(ProcessState state);
  void finish_boot(bool as_standby);
  void end_process();
  void end_after_checkpoint();
  void append(const WalRecord& record);
  void append_own(std::uint64_t bytes);
  [[nodiscard]] bool everything_is_sent() const;

  void release_commits();

  void connect_upstream();
  void connect_later();
  void attach_to(SimServer& upstream);
  void confirm(const NodeName& standby, Lsn position);
  void detach(SimServer& standby);  // the standby's connection ends here; it will notice by itself
  void lose_upstream();
  void send_wal(SimServer& standby);
  void receive(std::size_t first, const std::vector<WalRecord>& records, SimServer& from);
  void changed();
  // `call` in `after`, unless the postmaster is another one by then.
  void later(Duration after, EventQueue::Call call);

  SimContext& sim_;
  const Servers& servers_;
  Place place_;
  NodeName name_;
  Directory directory_;

  ProcessState process_ = ProcessState::Stopped;
  std::int64_t pid_ = 0;
  std::uint64_t epoch_ = 0;  // one for each postmaster, and one for its end
  bool is_in_recovery_ = false;
  bool has_backends_ = false;
  bool is_suspended_ = false;
  std::vector<EventQueue::Call> held_;  // until it wakes up
  std::function<void(bool)> running_;
  std::vector<std::function<void()>> stopped_;

  SimServer* upstream_ = nullptr;
  std::uint64_t upstream_attempt_ = 0;
  Lsn received_;  // by this postmaster's WAL receiver
  std::map<NodeName, Receiver> receivers_;
  SyncCommit sync_commit_;
  std::uint64_t reloads_ = 0;
};

}  // namespace pgherd::sim
