#include "drill/sql_session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>

#include "runtime/asio_clock.h"

namespace pgherd::drill {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;

constexpr const char* kNoAnswer = "no answer in time";

// libpq ends its messages with a line break, and indents what it adds to them.
std::string in_one_line(const std::string& text) {
  std::string line;
  for (const char letter : text) {
    if (letter != '\n' && letter != '\t') {
      line += letter;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (line.ends_with(' '))
    line.pop_back();
  return line;
}

// A server that is killed says so to all its clients, and libpq would write it to stderr.
void hear_no_notice(void* /*nobody*/, const char* /*text*/) {}

bool has_failed(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

SqlSession::Rows rows_of(const PGresult* result) {
  SqlSession::Rows rows;
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& cells = rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column)
      cells.emplace_back(PQgetvalue(result, row, column));
  }
  return rows;
}

}  // namespace

void SqlSession::Finish::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

SqlSession::SqlSession(const std::string& conninfo, Duration patience)
    : connection_(PQconnectStart(conninfo.c_str())) {
  if (!connection_) throw SqlFailure("out of memory", false);
  PQsetNoticeProcessor(connection_.get(), hear_no_notice, nullptr);
  open(boottime_now() + patience);
}

void SqlSession::open(Instant until) {
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(connection_.get()) != CONNECTION_BAD) {
    if (!await_socket(next == PGRES_POLLING_WRITING, until)) throw SqlFailure(kNoAnswer, false);
    next = PQconnectPoll(connection_.get());
    if (next == PGRES_POLLING_OK) break;
    if (next == PGRES_POLLING_FAILED) throw SqlFailure(complaint(), false);
  }
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw SqlFailure(complaint(), false);
  if (PQsetnonblocking(connection_.get(), 1) != 0) throw SqlFailure(complaint(), false);
}

bool SqlSession::await_socket(bool for_writing, Instant until) {
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(until - boottime_now());
    if (left <= 0ms) return false;
    pollfd socket{.fd = PQsocket(connection_.get()),
                  .events = static_cast<short>(for_writing ? POLLOUT : POLLIN),
                  .revents = 0};
    const int ready = ::poll(&socket, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw SqlFailure("poll failed", true);
  }
}

void SqlSession::send(const std::string& sql, Instant until) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) throw SqlFailure(complaint(), false);
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left == 0) return;
    if (left < 0) throw SqlFailure(complaint(), true);
    if (!await_socket(true, until)) throw SqlFailure(kNoAnswer, true);
  }
}

void SqlSession::await_result(Instant until) {
  while (PQisBusy(connection_.get()) != 0) {
    if (!await_socket(false, until)) throw SqlFailure(kNoAnswer, true);
    if (PQconsumeInput(connection_.get()) == 0) throw SqlFailure(complaint(), true);
  }
}

SqlSession::Rows SqlSession::query(const std::string& sql, Duration patience) {
  const Instant until = boottime_now() + patience;
  send(sql, until);
  Rows rows;
  std::string failure;
  for (;;) {
    await_result(until);
    const Answer answer(PQgetResult(connection_.get()));
    if (!answer) break;
    if (has_failed(answer.get())) failure = in_one_line(PQresultErrorMessage(answer.get()));
    if (PQresultStatus(answer.get()) == PGRES_TUPLES_OK) rows = rows_of(answer.get());
  }
  // A connection that broke has an answer as well: that of libpq.
  if (!failure.empty()) throw SqlFailure(failure, PQstatus(connection_.get()) != CONNECTION_OK);
  return rows;
}

std::string SqlSession::complaint() const {
  return in_one_line(PQerrorMessage(connection_.get()));
}

}  // namespace pgherd::drill
