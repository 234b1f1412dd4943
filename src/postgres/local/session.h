// PgSession: one libpq connection, driven without blocking on the hands' loop. Queries run one at a
// time. Whatever goes late or breaks closes the connection: a half-read answer is never taken for
// the next one's.
//
// Threads: the loop given; at most one coroutine inside at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "codec/conninfo.h"

struct pg_conn;

namespace pgherd {

// One kind per reaction.
enum class QueryErrorKind {
  Lost,     // nobody listens, or the connection broke
  NotNow,   // the server answers, but lets nobody in at present (starting, stopping, no slot free)
  Denied,   // wrong password, no pg_hba.conf entry, missing right: an operator must act
  Late,     // no answer in time
  Refused,  // the server says that the query is wrong or cannot be done
};
struct QueryError {
  QueryErrorKind kind = QueryErrorKind::Lost;
  std::string sqlstate;
  std::string text;
};

// The rows of one result; SQL NULL is empty.
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;
using Rows = std::vector<Row>;

class PgSession {
 public:
  explicit PgSession(boost::asio::any_io_executor loop);
  ~PgSession();
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;

  // Replaces the present connection. Names are resolved beside the loop.
  [[nodiscard]] boost::asio::awaitable<Result<void, QueryError>> connect(ConnInfo info,
                                                                         Duration timeout);
  // All results of a simple query, one for each statement.
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<Rows>, QueryError>> query(
      std::string sql, Duration timeout);

  [[nodiscard]] bool is_open() const { return connection_ != nullptr; }
  [[nodiscard]] int server_version() const;
  // For one of the roles' passwords; the text never leaves us in the clear. `algorithm`: what
  // password_encryption of the server says. "" when libpq cannot.
  [[nodiscard]] std::string password_verifier(const std::string& password, const std::string& user,
                                              const std::string& algorithm);
  void close();
  // Makes whatever waits inside fail at once with Lost.
  void interrupt();

 private:
  struct Wait;
  enum class Readiness { Ready, Late, Interrupted };
  boost::asio::awaitable<Readiness> wait_for(bool write, Instant deadline);
  boost::asio::awaitable<std::optional<QueryError>> finish_connect(Instant deadline);
  boost::asio::awaitable<std::optional<QueryError>> flush(Instant deadline);
  QueryError lost(const std::string& what) const;

  boost::asio::any_io_executor loop_;
  pg_conn* connection_ = nullptr;
  std::shared_ptr<Wait> wait_;
  bool is_interrupted_ = false;
};

// Connects, asks, closes. For what is asked seldom or of other servers.
[[nodiscard]] boost::asio::awaitable<Result<std::vector<Rows>, QueryError>> query_once(
    ConnInfo info, std::string sql, Duration connect_timeout, Duration query_timeout);

}  // namespace pgherd
