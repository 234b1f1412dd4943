#include "postgres/local/session.h"

#include <fmt/core.h>
#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>

#include "runtime/asio_clock.h"
#include "runtime/name_lookup.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
constexpr auto use_result = asio::as_tuple(asio::use_awaitable);

std::string first_line(const char* message) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.empty() ? "the connection is gone" : text;
}

QueryErrorKind kind_of(std::string_view sqlstate) {
  if (sqlstate == "57014") return QueryErrorKind::Late;  // statement_timeout
  if (sqlstate.starts_with("57P") || sqlstate == "53300") return QueryErrorKind::NotNow;
  if (sqlstate.starts_with("28") || sqlstate == "42501") return QueryErrorKind::Denied;
  if (sqlstate.starts_with("08")) return QueryErrorKind::Lost;
  return QueryErrorKind::Refused;
}

// libpq has no function for the SQLSTATE of a refused connection, and the words vary with the
// server's lc_messages. In verbose errors it stands before the message: "FATAL:  57P03: the
// database ...".
std::string sqlstate_in(std::string_view verbose) {
  const auto is_code = [](std::string_view text) {
    return text.size() == 5 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
             return std::isdigit(c) != 0 || std::isupper(c) != 0;
           });
  };
  std::string last;
  for (auto at = verbose.find(":  "); at != verbose.npos; at = verbose.find(":  ", at + 3))
    if (verbose.substr(at + 8, 2) == ": " && is_code(verbose.substr(at + 3, 5)))
      last = std::string(verbose.substr(at + 3, 5));
  return last;
}

QueryError connect_error(const char* message) {
  QueryError error{.kind = QueryErrorKind::Lost, .text = "cannot connect: " + first_line(message)};
  error.sqlstate = sqlstate_in(error.text);
  if (const auto location = error.text.find(" LOCATION: "); location != error.text.npos)
    error.text.resize(location);
  if (!error.sqlstate.empty()) error.kind = kind_of(error.sqlstate);
  // What a login is refused for besides: an unknown database or role, a limit.
  const bool is_ours = error.text.find("no password supplied") != error.text.npos ||
                       error.text.find("SSL") != error.text.npos;
  if (error.kind == QueryErrorKind::Refused || (error.sqlstate.empty() && is_ours))
    error.kind = QueryErrorKind::Denied;
  return error;
}

Rows rows_of(const PGresult* result) {
  Rows rows(static_cast<std::size_t>(PQntuples(result)));
  for (int row = 0; row < PQntuples(result); ++row)
    for (int column = 0; column < PQnfields(result); ++column) {
      Cell cell;
      if (PQgetisnull(result, row, column) == 0)
        cell = std::string(PQgetvalue(result, row, column),
                           static_cast<std::size_t>(PQgetlength(result, row, column)));
      rows[static_cast<std::size_t>(row)].push_back(std::move(cell));
    }
  return rows;
}

bool needs_resolving(const std::string& host) {
  if (host.empty() || host.front() == '/' || host.find(',') != host.npos || host == "localhost")
    return false;
  boost::system::error_code error;
  (void)asio::ip::make_address(host, error);
  return static_cast<bool>(error);
}

// libpq would resolve the name in the middle of PQconnectStart and block. All addresses of the name
// are handed over, as libpq would try them. Only present ones: what a server says of its history is
// taken for that of the member that was meant.
asio::awaitable<std::optional<QueryError>> resolve(ConnInfo& info, Instant deadline) {
  const std::string* host = info.find("host");
  if (host == nullptr || !needs_resolving(*host)) co_return std::nullopt;
  const std::string name = *host;
  const Duration patience = std::max(deadline - boottime_now(), Duration::zero());
  const auto found = co_await look_up(name, patience, OldAddresses::Refused);
  if (!found)
    co_return QueryError{.kind = QueryErrorKind::Lost,
                         .text = fmt::format("cannot resolve {}: {}", name, found.error().text)};
  std::string addresses;
  std::string names;
  for (const asio::ip::address& one : found->addresses) {
    addresses += (addresses.empty() ? "" : ",") + one.to_string();
    names += (names.empty() ? "" : ",") + name;
  }
  info.set("hostaddr", addresses);
  info.set("host", names);
  co_return std::nullopt;
}

}  // namespace

// One wait for the socket. Handlers own it, so that a timer that fires while the coroutine goes on
// touches nothing that is gone.
struct PgSession::Wait {
  explicit Wait(const asio::any_io_executor& loop) : socket(loop), timer(loop) {}
  asio::posix::stream_descriptor socket;
  asio::steady_timer timer;
  bool is_late = false;
};

PgSession::PgSession(asio::any_io_executor loop) : loop_(std::move(loop)) {}

PgSession::~PgSession() {
  close();
}

void PgSession::close() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
}

void PgSession::interrupt() {
  is_interrupted_ = true;
  if (wait_) wait_->socket.cancel();
}

int PgSession::server_version() const {
  return connection_ == nullptr ? 0 : PQserverVersion(connection_);
}

std::string PgSession::password_verifier(const std::string& password, const std::string& user,
                                         const std::string& algorithm) {
  if (connection_ == nullptr) return {};
  char* made =
      PQencryptPasswordConn(connection_, password.c_str(), user.c_str(), algorithm.c_str());
  std::string text = made == nullptr ? "" : made;
  PQfreemem(made);
  return text;
}

QueryError PgSession::lost(const std::string& what) const {
  return {.kind = QueryErrorKind::Lost,
          .text = what + ": " + first_line(connection_ ? PQerrorMessage(connection_) : nullptr)};
}

asio::awaitable<PgSession::Readiness> PgSession::wait_for(bool write, Instant deadline) {
  if (is_interrupted_) co_return Readiness::Interrupted;
  const Duration left = deadline - boottime_now();
  if (left <= Duration::zero()) co_return Readiness::Late;
  auto wait = std::make_shared<Wait>(loop_);
  boost::system::error_code error;
  wait->socket.assign(PQsocket(connection_), error);
  if (error) co_return Readiness::Interrupted;
  wait_ = wait;
  wait->timer.expires_after(left);
  wait->timer.async_wait([wait](const boost::system::error_code& failed) {
    if (failed || !wait->socket.is_open()) return;
    wait->is_late = true;
    wait->socket.cancel();
  });
  using Base = asio::posix::descriptor_base;
  auto [wait_error] =
      co_await wait->socket.async_wait(write ? Base::wait_write : Base::wait_read, use_result);
  wait->timer.cancel();
  // The descriptor is libpq's: it may close it, and the number may come back as another file.
  (void)wait->socket.release();
  wait_.reset();
  if (is_interrupted_) co_return Readiness::Interrupted;
  co_return wait_error ? Readiness::Late : Readiness::Ready;
}

asio::awaitable<std::optional<QueryError>> PgSession::finish_connect(Instant deadline) {
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) co_return connect_error(PQerrorMessage(connection_));
    const Readiness ready = co_await wait_for(next == PGRES_POLLING_WRITING, deadline);
    if (ready == Readiness::Late)
      co_return QueryError{.kind = QueryErrorKind::Late, .text = "no answer to a connect in time"};
    if (ready == Readiness::Interrupted)
      co_return QueryError{.kind = QueryErrorKind::Lost, .text = "interrupted"};
    next = PQconnectPoll(connection_);
  }
  co_return std::nullopt;
}

asio::awaitable<Result<void, QueryError>> PgSession::connect(ConnInfo info, Duration timeout) {
  close();
  is_interrupted_ = false;
  const Instant deadline = boottime_now() + timeout;
  if (auto problem = co_await resolve(info, deadline)) co_return fail(*problem);
  const std::string text = info.to_string();
  connection_ = PQconnectStart(text.c_str());
  if (connection_ != nullptr) PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  std::optional<QueryError> problem;
  if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD)
    problem = lost("cannot connect");
  else
    problem = co_await finish_connect(deadline);
  if (!problem && PQsetnonblocking(connection_, 1) != 0) problem = lost("cannot connect");
  if (!problem) {
    PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
    PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
    co_return Result<void, QueryError>{};
  }
  close();
  co_return fail(*problem);
}

asio::awaitable<std::optional<QueryError>> PgSession::flush(Instant deadline) {
  for (;;) {
    const int left = PQflush(connection_);
    if (left == 0) co_return std::nullopt;
    if (left < 0) co_return lost("cannot send a query");
    const Readiness ready = co_await wait_for(true, deadline);
    if (ready != Readiness::Ready)
      co_return QueryError{
          .kind = ready == Readiness::Late ? QueryErrorKind::Late : QueryErrorKind::Lost,
          .text = "a query could not be sent in time"};
  }
}

asio::awaitable<Result<std::vector<Rows>, QueryError>> PgSession::query(std::string sql,
                                                                        Duration timeout) {
  is_interrupted_ = false;
  if (connection_ == nullptr) co_return fail(lost("cannot ask"));
  const Instant deadline = boottime_now() + timeout;
  std::optional<QueryError> problem;
  if (PQsendQuery(connection_, sql.c_str()) == 0)
    problem = lost("cannot send a query");
  else
    problem = co_await flush(deadline);
  std::vector<Rows> results;
  bool is_refused = false;  // by the server, which is ready for the next query
  while (!problem || is_refused) {
    while (PQisBusy(connection_) != 0) {
      const Readiness ready = co_await wait_for(false, deadline);
      if (ready == Readiness::Ready && PQconsumeInput(connection_) != 0) continue;
      problem = ready == Readiness::Ready ? lost("the connection broke") : QueryError{};
      if (ready == Readiness::Late)
        problem = QueryError{.kind = QueryErrorKind::Late, .text = "no answer to a query in time"};
      if (ready == Readiness::Interrupted)
        problem = QueryError{.kind = QueryErrorKind::Lost, .text = "interrupted"};
      close();
      co_return fail(*problem);
    }
    PGresult* result = PQgetResult(connection_);
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
      results.push_back(rows_of(result));
    } else if (!problem) {
      const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      problem = QueryError{.sqlstate = sqlstate == nullptr ? "" : sqlstate,
                           .text = first_line(PQresultErrorMessage(result))};
      problem->kind = sqlstate == nullptr ? QueryErrorKind::Lost : kind_of(problem->sqlstate);
      is_refused = true;
    }
    PQclear(result);
  }
  if (PQstatus(connection_) == CONNECTION_BAD) close();
  if (!problem) co_return results;
  if (!is_refused) close();
  co_return fail(*problem);
}

asio::awaitable<Result<std::vector<Rows>, QueryError>> query_once(ConnInfo info, std::string sql,
                                                                  Duration connect_timeout,
                                                                  Duration query_timeout) {
  auto loop = co_await asio::this_coro::executor;
  PgSession session(loop);
  auto connected = co_await session.connect(std::move(info), connect_timeout);
  if (!connected) co_return fail(connected.error());
  co_return co_await session.query(std::move(sql), query_timeout);
}

}  // namespace pgherd
