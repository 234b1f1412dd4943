// From a client's first byte to the first answer of its server.
#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <charconv>

#include "pgwire/bytes.h"
#include "router/session.h"
#include "runtime/asio_clock.h"
#include "runtime/await_answer.h"
#include "runtime/log.h"
#include "runtime/name_lookup.h"

namespace pgherd::router {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;

constexpr std::size_t kReplyMax = 16U << 10U;
constexpr std::size_t kHeadSize = 5;  // of a message: type and length
constexpr Duration kCancelMax = 5s;

std::uint16_t number_of(const std::string& port) {
  std::uint16_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  return number;
}

}  // namespace

void Session::begin(Worker::Sessions::iterator place) {
  place_ = place;
  begin_opening();
  asio::co_spawn(worker_.loop(), lead(shared_from_this()), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

awaitable<void> Session::lead(std::shared_ptr<Session> self) {
  try {
    co_await self->open();
  } catch (const std::exception& error) {
    log_error("a session ended with an exception: {}", error.what());
    self->finish();
  }
}

awaitable<void> Session::open() {
  bool goes_on = true;
  while (goes_on) {
    pgwire::Opening opening;
    goes_on = co_await read_opening(opening);
    if (goes_on) goes_on = co_await take_opening(opening);
  }
}

void Session::begin_opening() {
  stage_ = Stage::Opening;
  opening_since_ = boottime_now();
  if (!opening_place_) opening_place_ = worker_.await_opening(*this);
}

void Session::leave_opening() {
  if (opening_place_) worker_.opening_is_over(*std::exchange(opening_place_, std::nullopt));
}

// It keeps its place while it tries a server, for that may be in vain.
void Session::leave_held() {
  if (held_place_) worker_.release(*this, *std::exchange(held_place_, std::nullopt));
}

awaitable<bool> Session::read_opening(pgwire::Opening& opening) {
  while (true) {
    opening = pgwire::read_opening(input_);
    if (!std::holds_alternative<pgwire::NeedMore>(opening.message)) co_return true;
    const auto [error] = co_await client_.async_wait(Socket::wait_read, kAsTuple);
    if (!is_being_led()) co_return false;
    auto& buffer = worker_.scratch();
    const ssize_t count =
        error ? -1
              : ::recv(client_.native_handle(), buffer.data(), pgwire::kOpeningMax, MSG_DONTWAIT);
    if (count > 0) {
      input_.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR) || error) {
      finish();  // a probe that connects and leaves is nothing to speak of
      co_return false;
    }
  }
}

// True: another opening is to follow.
awaitable<bool> Session::take_opening(pgwire::Opening& opening) {
  RouterTally& tally = worker_.common().tally;
  const std::string packet = input_.substr(0, opening.size);
  input_.erase(0, opening.size);
  if (std::holds_alternative<pgwire::SslRequest>(opening.message)) {
    if (!std::exchange(has_asked_ssl_, true)) co_return co_await answer_ssl_request();
    opening.message = pgwire::Malformed{.sqlstate = "08P01", .why = "a second SSLRequest"};
  }
  if (std::holds_alternative<pgwire::GssencRequest>(opening.message)) {
    if (!std::exchange(has_asked_gssenc_, true)) co_return co_await answer("N");
    opening.message = pgwire::Malformed{.sqlstate = "08P01", .why = "a second GSSENCRequest"};
  }
  if (auto* request = std::get_if<pgwire::CancelRequest>(&opening.message)) {
    co_await cancel(std::move(*request));
  } else if (const auto* startup = std::get_if<pgwire::StartupMessage>(&opening.message)) {
    keep_identity(*startup, packet);
    co_await log_in(packet);
  } else if (std::holds_alternative<pgwire::DirectTls>(opening.message)) {
    co_await relay_unseen();
  } else if (const auto* malformed = std::get_if<pgwire::Malformed>(&opening.message)) {
    add(tally.malformed);
    log_debug("a client is refused: {}", malformed->why);
    refuse({.sqlstate = malformed->sqlstate, .message = malformed->why});
  } else {
    add(tally.foreign);
    finish();
  }
  co_return false;
}

awaitable<bool> Session::answer(std::string bytes) {
  const auto [error, size] = co_await asio::async_write(client_, asio::buffer(bytes), kAsTuple);
  if (!is_being_led()) co_return false;
  if (error) finish();
  co_return !error;
}

// Passed on to the server, whose answer decides: with "S" both speak TLS from here on, with "N" the
// startup message follows in clear.
awaitable<bool> Session::answer_ssl_request() {
  if (worker_.common().config.tls == TlsPolicy::Refuse) co_return co_await answer("N");
  std::string reply;
  while (reply.empty()) {
    const bool goes_on = co_await attach(WhenRefused::GoOn);
    if (!goes_on) co_return false;
    // Nobody is there: the client is told so when it has said who it is, for in this place libpq
    // would not show it what it is told.
    if (!server_.is_open()) {
      begin_opening();
      co_return co_await answer("N");
    }
    co_await ask_for_tls(reply);
    if (!is_being_led()) co_return false;
  }
  if (reply != "S") {
    begin_opening();
    co_return co_await answer("N");
  }
  // What came before the handshake was not encrypted, and must not be taken for what is.
  is_told_plainly_ = false;
  if (input_.empty()) {
    relay(reply);
  } else {
    finish();
  }
  co_return false;
}

// `reply` stays empty when the server gives none.
awaitable<void> Session::ask_for_tls(std::string& reply) {
  std::string request;
  pgwire::append_u32(request, 8);
  pgwire::append_u32(request, 80877103);
  set_alarm(worker_.common().config.limits.connect_max);
  const bool is_sent = co_await write_to_server(std::move(request));
  const bool is_answered = is_sent && co_await read_from_server(reply, 1);
  if (!is_being_led()) co_return;
  alarm_.cancel();
  if (!is_answered || is_rerouted_) {
    reply.clear();
    server_failed("it did not answer the request for TLS");
    co_return;
  }
  end_connecting();
  leave_held();
  worker_.reached(*tally_);
}

// A connection to the server that the plan names, waiting for one if need be. The client's end and
// the end of its patience are looked after; the latter, with GoOn, by leaving it without a server.
awaitable<bool> Session::attach(WhenRefused when_refused) {
  while (is_being_led()) {
    const Client client{.purpose = purpose_, .arrived = arrived_};
    Direction direction = worker_.direct(client);
    if (const auto* hold = std::get_if<Hold>(&direction)) {
      const bool goes_on = co_await wait_for_change(*hold);
      if (!goes_on) co_return false;
      continue;
    }
    if (const auto* refusal = std::get_if<Refuse>(&direction)) {
      leave_held();
      if (when_refused == WhenRefused::GoOn) co_return true;
      add(worker_.common().tally.port(purpose_).refused);
      refuse({.sqlstate = refusal->sqlstate,
              .message = refusal->message,
              .detail = refusal->detail,
              .hint = refusal->hint});
      co_return false;
    }
    leave_opening();
    const bool is_connected = co_await connect(std::get<To>(direction));
    if (is_connected) co_return true;
  }
  co_return false;
}

awaitable<bool> Session::wait_for_change(Hold hold) {
  leave_opening();
  if (!held_place_) {
    held_since_ = boottime_now();
    held_place_ = worker_.hold(*this, hold.why);
    if (!held_place_) {
      add(worker_.common().tally.too_many);
      refuse({.sqlstate = pgwire::kCannotConnectNow,
              .message = "too many clients wait for a server already",
              .detail = "They wait because: " + hold.why + "."});
      co_return false;
    }
  }
  stage_ = Stage::Held;
  watch_client();
  ++alarms_;
  alarm_.expires_after(std::max(Duration(0), hold.until - boottime_now()));
  const auto [ignored] = co_await alarm_.async_wait(kAsTuple);
  static_cast<void>(ignored);
  if (client_is_gone_) finish();
  co_return is_being_led();
}

bool Session::wake() {
  if (stage_ != Stage::Held) return false;
  alarm_.cancel();
  return true;
}

// While it waits it has nothing to say, so it is looked at only for its end.
void Session::watch_client() {
  if (is_watched_) return;
  is_watched_ = true;
  client_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->is_watched_ = false;
    if (error || self->stage_ != Stage::Held) return;
    char byte = 0;
    const ssize_t count = ::recv(self->client_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) return;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return self->watch_client();
    self->client_is_gone_ = true;
    self->alarm_.cancel();
  });
}

awaitable<bool> Session::connect(To to) {
  const RoutePlan& plan = worker_.plan();
  const HostPort address = plan.routes.servers[to.server].address;
  tally_ = plan.tallies[to.server];
  must_be_primary_ = to.must_be_primary;
  add(tally_->leg(purpose_).open_now);
  stage_ = Stage::Connecting;
  is_rerouted_ = false;
  is_connecting_ = true;
  worker_.connecting_begins();
  const std::string problem = co_await reach(address);
  if (!is_being_led()) co_return false;
  if (problem.empty() && !is_rerouted_) co_return true;
  server_failed(problem);
  co_return false;
}

// "" or why not.
awaitable<std::string> Session::reach(HostPort address) {
  const Milliseconds patience = worker_.common().config.limits.connect_max;
  auto found = co_await look_up(address.host, patience, OldAddresses::Refused);
  if (!found) co_return found.error().text;
  std::string problem;
  for (const auto& one : found->addresses) {
    if (!is_being_led() || is_rerouted_) co_return "another server is the right one by now";
    const CancelKeys::Endpoint endpoint(one, number_of(address.port));
    problem = co_await reach_one(endpoint);
    if (problem.empty()) break;
  }
  co_return problem;
}

awaitable<std::string> Session::reach_one(CancelKeys::Endpoint endpoint) {
  const RouterLimits& limits = worker_.common().config.limits;
  close_hard(server_);
  error_code error;
  server_.open(endpoint.protocol(), error);
  if (error) co_return error.message();
  set_up(server_);
  set_alarm(limits.connect_max);
  const auto [refused] = co_await server_.async_connect(endpoint, kAsTuple);
  if (!is_being_led()) co_return "the session is over";
  alarm_.cancel();
  server_endpoint_ = endpoint;
  if (!refused) co_return "";
  const bool is_late = refused == asio::error::operation_aborted;
  co_return is_late ? fmt::format("no answer within {} ms", limits.connect_max.count())
                    : refused.message();
}

// The alarm ends what is under way: a connection that does not come about, a server that does not
// answer, a client that does not read.
void Session::set_alarm(Duration from_now) {
  alarm_.expires_after(from_now);
  alarm_.async_wait([self = shared_from_this(), number = ++alarms_](const error_code& error) {
    if (error || self->alarms_ != number) return;
    if (self->stage_ == Stage::Parting) return self->finish();
    if (self->stage_ == Stage::Connecting || self->stage_ == Stage::Parked) {
      close_hard(self->server_);
    }
  });
}

void Session::end_connecting() {
  if (std::exchange(is_connecting_, false)) worker_.connecting_is_over();
}

void Session::server_failed(const std::string& why) {
  if (!is_rerouted_) worker_.not_reached(*tally_, why);
  let_go_of_server();
}

awaitable<bool> Session::write_to_server(std::string bytes) {
  const auto [error, size] = co_await asio::async_write(server_, asio::buffer(bytes), kAsTuple);
  co_return !error && is_being_led();
}

awaitable<bool> Session::read_from_server(std::string& bytes, std::size_t bytes_max) {
  const auto [error] = co_await server_.async_wait(Socket::wait_read, kAsTuple);
  if (error || !is_being_led()) co_return false;
  auto& buffer = worker_.scratch();
  const ssize_t count = ::recv(server_.native_handle(), buffer.data(),
                               std::min(bytes_max, buffer.size()), MSG_DONTWAIT);
  if (count > 0) bytes.append(buffer.data(), static_cast<std::size_t>(count));
  co_return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

// Tries servers until one takes the session, the client has gone or its patience is at its end.
// That a server says "not now" is not told: the client has waited for worse.
awaitable<void> Session::log_in(std::string startup) {
  RouterTally& tally = worker_.common().tally;
  if (value_of(tally.connections_now) > worker_.common().config.limits.sessions_max) {
    add(tally.too_many);
    refuse({.sqlstate = pgwire::kTooManyConnections,
            .message = "this router has as many connections as it may have",
            .hint = "Raise router.max_connections, or let clients share connections."});
    co_return;
  }
  while (is_being_led()) {
    if (!server_.is_open()) {
      let_go_of_server();
      const bool has_server = co_await attach(WhenRefused::Tell);
      if (!has_server) co_return;
    }
    leave_opening();
    stage_ = Stage::Connecting;
    std::string first;
    std::string problem = "it closed the connection";
    const bool is_sent = co_await write_to_server(startup);
    if (is_sent) problem = co_await read_reply(first);
    if (!is_being_led()) co_return;
    alarm_.cancel();
    if (problem.empty() && !is_rerouted_) {
      end_connecting();
      worker_.reached(*tally_);
      co_return relay(first);
    }
    server_failed(problem);
  }
}

// The beginning of the server's answer to the startup message. "" when that is for the client, else
// why this server takes nobody at present.
awaitable<std::string> Session::read_reply(std::string& bytes) {
  const Duration left = arrived_ + worker_.common().config.routing.hold_max - boottime_now();
  set_alarm(std::max<Duration>(left, worker_.common().config.limits.connect_max));
  while (true) {
    const bool is_there = co_await read_from_server(bytes, kReplyMax);
    if (!is_there) co_return "it closed the connection instead of answering";
    if (bytes.empty() || bytes.front() != 'E') {
      if (bytes.size() >= kHeadSize) co_return "";
      continue;
    }
    if (bytes.size() < kHeadSize) continue;
    const std::size_t length = pgwire::read_u32(std::string_view(bytes).substr(1));
    if (length < 4 || length > kReplyMax) co_return "";
    if (bytes.size() < 1 + length) continue;
    const auto error = pgwire::read_error(std::string_view(bytes).substr(kHeadSize, length - 4));
    const bool is_not_now = error && error->sqlstate == pgwire::kCannotConnectNow;
    co_return is_not_now ? error->message : "";
  }
}

// Encrypted from its first byte: passed on to whoever is the right one now.
awaitable<void> Session::relay_unseen() {
  is_told_plainly_ = false;
  const bool has_server = co_await attach(WhenRefused::Tell);
  if (!has_server) co_return;
  end_connecting();
  worker_.reached(*tally_);
  relay({});
}

void Session::refuse(const pgwire::ErrorText& error) {
  cut(error, true);
}

// A key of no session here is that of another router, or of a session whose bytes are encrypted:
// then all to whom this port may lead are asked. A wrong key does nothing.
awaitable<void> Session::cancel(pgwire::CancelRequest request) {
  RouterTally& tally = worker_.common().tally;
  leave_opening();
  stage_ = Stage::Connecting;
  add(tally.cancels);
  if (const auto known = worker_.common().keys.target_of(request)) {
    const std::string problem = co_await reach_one(known->server);
    if (problem.empty()) co_await pass_on_cancel(pgwire::write_cancel(known->request));
    co_return finish();
  }
  const std::string bytes = pgwire::write_cancel(request);
  add(tally.cancels_of_unknown);
  const RoutePlan plan = worker_.plan();
  for (std::size_t place = 0; place < plan.routes.servers.size(); ++place) {
    const Server& server = plan.routes.servers[place];
    const bool is_primary = plan.routes.primary == place;
    if (purpose_ == Purpose::Write ? !is_primary : !(is_primary || server.takes_reads)) continue;
    const std::string problem = co_await reach(server.address);
    if (problem.empty()) co_await pass_on_cancel(bytes);
    if (!is_being_led()) co_return;
  }
  finish();
}

// The server closes when it has passed the request on, and for the client the end of its connection
// says that.
awaitable<void> Session::pass_on_cancel(std::string bytes) {
  if (!is_being_led()) co_return;
  const bool is_sent = co_await write_to_server(std::move(bytes));
  if (!is_sent) co_return;
  set_alarm(kCancelMax);
  std::string nothing;
  while (true) {
    const bool goes_on = co_await read_from_server(nothing, kReplyMax);
    if (!goes_on) break;
    nothing.clear();
  }
}

}  // namespace pgherd::router
