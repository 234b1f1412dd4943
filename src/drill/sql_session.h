// SqlSession: one connection to PostgreSQL that never waits for longer than it was told to. A drill
// talks to servers that may have just been killed or cut off.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/instant.h"

struct pg_conn;

namespace pgherd::drill {

class SqlFailure : public std::runtime_error {
 public:
  SqlFailure(const std::string& text, bool may_have_arrived)
      : std::runtime_error(text), may_have_arrived(may_have_arrived) {}
  bool may_have_arrived;  // the statement was sent, and whether it was carried out is unknown
};

class SqlSession {
 public:
  using Rows = std::vector<std::vector<std::string>>;

  // Connects within `patience`. Throws SqlFailure. Names are resolved before that clock runs.
  SqlSession(const std::string& conninfo, Duration patience);

  // Throws SqlFailure: the server's own words, or that it did not answer in time. After the latter
  // the session is of no use any more. NULL is "".
  [[nodiscard]] Rows query(const std::string& sql, Duration patience);
  void execute(const std::string& sql, Duration patience) { (void)query(sql, patience); }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  void open(Instant until);
  void send(const std::string& sql, Instant until);
  void await_result(Instant until);
  // False when `until` came first.
  bool await_socket(bool for_writing, Instant until);
  [[nodiscard]] std::string complaint() const;

  std::unique_ptr<pg_conn, Finish> connection_;
};

}  // namespace pgherd::drill
