// Writer: a client of the cluster while a drill goes on. It inserts a row every few milliseconds
// into a table that the drill made, and connects again, there or elsewhere, when that fails.
//
// Threads: it writes on a thread of its own; its member functions may be called from any.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "drill/sql_session.h"
#include "drill/writes.h"

namespace pgherd::drill {

class Writer {
 public:
  // `doors`: connection strings, each of which may lead to the primary. `table`: one column, `row`.
  Writer(std::vector<std::string> doors, std::string table);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] WriteRecord record() const;
  void stop();

 private:
  void run();
  // Tries the doors in turn, beginning with the one that led in last.
  void connect();
  void write();
  void note_failure(const SqlFailure& failure);

  std::vector<std::string> doors_;
  std::string table_;
  std::size_t door_ = 0;
  std::int64_t next_row_ = 1;
  std::optional<SqlSession> session_;
  mutable std::mutex mutex_;
  WriteRecord record_;
  std::atomic<bool> stops_{false};
  std::thread thread_;
};

}  // namespace pgherd::drill
