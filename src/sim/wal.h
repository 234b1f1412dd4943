// Wal: an invented write-ahead log. A record has an end position, the timeline it was written on
// and a number that no other record in the world has; so two logs agree up to a record exactly if
// that record's number is the same at the same place, and the referee sees a fork that PostgreSQL
// would not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/cluster_view.h"
#include "model/ids.h"
#include "model/lsn.h"

namespace pgherd::sim {

struct WalRecord {
  std::uint64_t id = 0;
  Timeline timeline;
  Lsn end;
};

class Wal {
 public:
  // Where a timeline was left for the next one.
  struct Switch {
    Timeline parent;
    Lsn at;
  };

  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] const WalRecord& operator[](std::size_t index) const { return records_[index]; }
  [[nodiscard]] Timeline timeline() const {
    return records_.empty() ? Timeline{} : records_.back().timeline;
  }
  [[nodiscard]] Lsn end() const { return records_.empty() ? Lsn{} : records_.back().end; }
  [[nodiscard]] Lsn start_of_last() const {
    return records_.size() < 2 ? Lsn{} : records_[records_.size() - 2].end;
  }
  [[nodiscard]] const std::vector<Switch>& switches() const { return switches_; }
  [[nodiscard]] std::vector<HistoryRow> history() const;

  void append(const WalRecord& record);

  // What a WAL sender checks before it streams from here to a standby whose log ends at `from` on
  // `wanted`: by timelines and positions only, as PostgreSQL does it.
  [[nodiscard]] bool could_serve(Timeline wanted, Lsn from) const;
  // The truth: everything in `other` is also here.
  [[nodiscard]] bool continues(const Wal& other) const;
  [[nodiscard]] bool contains(std::uint64_t id, std::size_t at) const {
    return at < records_.size() && records_[at].id == id;
  }

 private:
  std::vector<WalRecord> records_;
  std::vector<Switch> switches_;
};

}  // namespace pgherd::sim
