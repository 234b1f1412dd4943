// SyncCommit: synchronous replication of an invented PostgreSQL, as its WAL senders do it: a commit
// is acknowledged when those who are named have its record. A change of the names is in force in
// one process after the other; meanwhile an acknowledgement may go by the old or by the new ones.
// Authority: PostgreSQL src/backend/replication/syncrep.c; manual, 26.2.8.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/instant.h"
#include "model/lsn.h"
#include "sim/standby_list.h"

namespace pgherd::sim {

struct Commit {
  std::uint64_t id = 0;
  bool is_synchronous = false;  // somebody was waited for
};
using OnCommit = std::function<void(const Commit&)>;

class SyncCommit {
 public:
  // Positions that the standbys, by name, have reported.
  using Reported = std::map<NodeName, Lsn>;

  // A server starts with these names in every process.
  void begin(const std::string& text);
  // The postmaster has read new ones.
  void reload(const std::string& text);
  // Every process has.
  void settle();
  void end();

  void wait(std::uint64_t id, Lsn end, Instant now, OnCommit told);
  // Tells all who need wait no longer.
  void release(const Reported& reported);

  // The names by which somebody may be acknowledged now: one value, or the old and the new.
  [[nodiscard]] const std::vector<StandbyList>& in_force() const { return in_force_; }
  [[nodiscard]] std::uint64_t version() const { return version_; }
  // As pg_stat_replication shows it.
  [[nodiscard]] std::string state_of(const NodeName& name) const;
  // Since when the one waits who waits longest; never() if nobody does.
  [[nodiscard]] Instant waiting_since() const;

 private:
  struct Waiting {
    std::uint64_t id = 0;
    Lsn end;
    Instant since;
    OnCommit told;
  };
  std::vector<StandbyList> in_force_{StandbyList{}};
  std::uint64_t version_ = 1;
  std::vector<Waiting> waiting_;
};

}  // namespace pgherd::sim
