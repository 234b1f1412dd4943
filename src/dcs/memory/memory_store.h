// MemoryStore: an etcd in a few maps. Revisions, leases, watches and compaction behave as
// etcd 3.5's do (the contract suite in tests/contract holds it to that), but time is whatever
// `advance` was told and nothing is random: the same calls give the same store.
//
// Every function is plain and synchronous, and answers what a healthy store would answer at once.
// Delay, loss and partition are for those who wrap it (sim); MemoryDcs is the thin client without
// them.
//
// Threads: none of its own; one caller at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "dcs/dcs.h"
#include "model/ids.h"

namespace pgherd {

class MemoryStore {
 public:
  // Leases shorter than `minimum_ttl` are granted for that long (etcd: 1.5 election timeouts).
  explicit MemoryStore(Milliseconds minimum_ttl = 2s) : minimum_ttl_(minimum_ttl) {}
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  // ---- Time -------------------------------------------------------------------------------------

  // The store's clock is now `now`; leases that ended by then are gone, the earliest first, their
  // keys deleted, one revision for each lease that had keys. Going backwards is a programming
  // error.
  void advance(Instant now);
  [[nodiscard]] Instant now() const { return now_; }
  // When the next lease would end; never() when there is none.
  [[nodiscard]] Instant next_expiry() const;
  // What a change of etcd's leader does: every lease counts from its beginning again.
  void restart_leases();

  // ---- Requests ---------------------------------------------------------------------------------

  [[nodiscard]] Snapshot read(std::string_view prefix) const;
  // The past: what a member that lags would say. Compacted when that is gone, Rejected when
  // `revision` is still to come.
  [[nodiscard]] Result<Snapshot, DcsError> read_at(std::string_view prefix,
                                                   Revision revision) const;
  // LeaseUnknown when a put of the chosen branch names a lease that does not exist; Rejected when a
  // branch writes one key twice. Nothing is applied then.
  [[nodiscard]] Result<Committed, DcsError> commit(const Transaction& transaction);
  [[nodiscard]] Result<Dcs::Lease, DcsError> grant(Milliseconds ttl);
  [[nodiscard]] Result<Dcs::Lease, DcsError> keep_alive(LeaseId lease);
  [[nodiscard]] Result<Committed, DcsError> revoke(LeaseId lease);
  // Forgets everything before `revision`.
  void compact(Revision revision);

  // ---- Watching ---------------------------------------------------------------------------------

  // What happened under `prefix` from `from` on (inclusive; 0 = from the next change), a batch for
  // each revision. Compacted when the beginning of that is gone.
  [[nodiscard]] Result<std::vector<WatchBatch>, DcsError> events_since(std::string_view prefix,
                                                                       Revision from) const;

  // Called from inside the request (or `advance`) that changed something, once for each revision.
  // It must not call the store: it notes the batch and leaves.
  using ChangeHandler = std::function<void(const WatchBatch&)>;
  using WatcherId = std::uint64_t;
  // What lies between `from` and the present is told from inside this call.
  [[nodiscard]] Result<WatcherId, DcsError> watch(std::string prefix, Revision from,
                                                  ChangeHandler handler);
  void unwatch(WatcherId id) { watchers_.erase(id); }

  // ---- For referees -----------------------------------------------------------------------------

  struct LeaseState {
    Milliseconds ttl{};
    Instant expires_at;
    std::set<std::string> keys;
  };
  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] Revision compacted() const { return compacted_; }
  [[nodiscard]] const std::map<std::string, KeyValue>& entries() const { return entries_; }
  [[nodiscard]] const std::map<LeaseId, LeaseState>& leases() const { return leases_; }
  [[nodiscard]] std::optional<KeyValue> get(const std::string& key) const;
  // Everything as text, for comparing two runs and for people.
  [[nodiscard]] std::string dump() const;

 private:
  struct Watcher {
    std::string prefix;
    Revision from;
    ChangeHandler handler;
  };

  [[nodiscard]] bool holds(const Compare& compare) const;
  [[nodiscard]] std::optional<DcsError> objection_to(const std::vector<Write>& writes) const;
  void apply(const std::vector<Write>& writes);
  void put(const Put& put, Revision at, std::vector<WatchEvent>& events);
  void remove(const std::string& key, Revision at, std::vector<WatchEvent>& events);
  void detach(const KeyValue& entry);
  void end_lease(LeaseId lease);
  void record(Revision at, std::vector<WatchEvent> events);

  const Milliseconds minimum_ttl_;
  Instant now_;
  Revision revision_{1};            // as etcd: an empty store is at 1
  Revision compacted_{0};           // what was before this is forgotten
  std::int64_t next_lease_ = 7001;  // far from revisions, so that taking one for the other shows
  WatcherId next_watcher_ = 1;
  bool is_telling_ = false;
  std::map<std::string, KeyValue> entries_;
  std::map<LeaseId, LeaseState> leases_;
  std::map<WatcherId, Watcher> watchers_;
  std::map<Revision, std::vector<WatchEvent>> changes_;  // from compacted_ on
  std::map<std::string, KeyValue> before_changes_;  // the entries just before the first of them
};

}  // namespace pgherd
