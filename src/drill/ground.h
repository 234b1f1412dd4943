// What all drills do before and after: is the cluster well, may it be done, how do clients come to
// the primary, and what became of their rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drill/actions.h"
#include "drill/report.h"
#include "drill/sql_session.h"
#include "drill/writer.h"

namespace pgherd::drill {

// The cluster, which is well: it has a leader, is not in maintenance mode, and `doctor` finds no
// problem. Refusal with what is wrong else.
[[nodiscard]] ctl::Cluster read_cluster_that_is_well(const Drilled& drilled);
// Asks, unless nobody is to be asked. Refusal on No.
void confirm(const Drilled& drilled, const std::string& question);

// Connection strings for a client that wants to write.
[[nodiscard]] std::vector<std::string> doors_of(const Drilled& drilled,
                                                const ctl::Cluster& cluster);
// A superuser's session at the leader's own address, which answers as the primary of this very
// cluster. Refusal else.
[[nodiscard]] SqlSession open_leader(const Drilled& drilled, const ctl::Cluster& cluster);
// The connection string of that session.
[[nodiscard]] std::string leader_door(const Drilled& drilled, const ctl::Cluster& cluster);
// At the first door behind which a primary answers within `patience`. DrillError else.
[[nodiscard]] SqlSession open_primary(const std::vector<std::string>& doors, Duration patience);

// Lets time pass. Throws Interrupted if a signal came.
void pause_for(const Drilled& drilled, Duration time);

// A client that writes, and its table, which is dropped in the end.
class Client {
 public:
  // It has written when this returns. DrillError if it cannot.
  Client(const Drilled& drilled, const ctl::Cluster& cluster);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // When a write was acknowledged last.
  [[nodiscard]] Instant last_write() const { return writer_->record().acknowledged.back().at; }
  // Ends the writing and looks for the rows: what the report says of outage and rows. The longest
  // silence, if it is known.
  std::optional<Silence> conclude(Report& report, Instant fault);

 private:
  void make_table();
  void await_first_writes();
  // Ends the writing, and drops the table.
  void clear_away();
  // Why not; "" if it is gone.
  [[nodiscard]] std::string drop_table();

  const Drilled& drilled_;
  std::vector<std::string> doors_;
  std::string table_;
  std::optional<Writer> writer_;
};

// Waits until `doctor` finds no problem, for what is left of the patience since `fault`; what it
// still finds then are failures of the drill.
void await_health(const Drilled& drilled, Instant fault, Report& report);

[[nodiscard]] Report begin_report(const Drilled& drilled, const ctl::Cluster& cluster,
                                  const std::string& drill);
// Judges, prints, writes the metrics: the exit status.
[[nodiscard]] int finish(const Drilled& drilled, Report report);

}  // namespace pgherd::drill
