#include "router/session.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/asio_clock.h"
#include "runtime/log.h"

namespace pgherd::router {
namespace {

using boost::system::error_code;

constexpr int kTurnsMax = 4;  // reads in a row before others have theirs
constexpr Duration kPartingMax = 2s;
constexpr std::size_t kDiscardMax = 4096;

enum class Got { Bytes, Nothing, End };

// What has arrived, without waiting.
Got take_arrived(Socket& socket, char* buffer, std::size_t size, std::size_t& got) {
  while (true) {
    const ssize_t count = ::recv(socket.native_handle(), buffer, size, MSG_DONTWAIT);
    if (count > 0) {
      got = static_cast<std::size_t>(count);
      return Got::Bytes;
    }
    if (count == 0) return Got::End;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Got::Nothing;
    if (errno != EINTR) return Got::End;
  }
}

// How many bytes the other side has taken; nullopt: it takes none any more.
std::optional<std::size_t> give(Socket& socket, std::string_view bytes) {
  std::size_t given = 0;
  while (given < bytes.size()) {
    const ssize_t count = ::send(socket.native_handle(), bytes.data() + given, bytes.size() - given,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      given += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return given;
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
  return given;
}

}  // namespace

Session::Session(Worker& worker, Socket client, Purpose purpose)
    : worker_(worker),
      client_(std::move(client)),
      server_(worker.loop()),
      alarm_(worker.loop()),
      purpose_(purpose),
      arrived_(boottime_now()),
      opening_since_(arrived_) {
  add(worker_.common().tally.connections_now);
}

Session::~Session() {
  subtract(worker_.common().tally.connections_now);
}

// ---- the way of the bytes
// ------------------------------------------------------------------------

// `first`: what the server has said already.
void Session::relay(std::string_view first) {
  leave_opening();
  leave_held();
  stage_ = Stage::Relaying;
  is_counted_ = true;
  add(worker_.common().tally.port(purpose_).open_now);
  add(tally_->leg(purpose_).opened);
  const std::string rest = std::move(input_);
  input_ = {};
  if (first.empty() || take_from_server(first)) read_server();
  if (stage_ != Stage::Relaying) return;
  if (rest.empty() || to_server(rest)) read_client();
}

void Session::read_client() {
  if (std::exchange(is_client_awaited_, true)) return;
  client_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->is_client_awaited_ = false;
    if (!error) self->client_is_readable();
  });
}

// The wait for a server that was let go of may end late: it is known by its number.
void Session::read_server() {
  if (std::exchange(is_server_awaited_, true)) return;
  server_.async_wait(Socket::wait_read,
                     [self = shared_from_this(), number = server_number_](const error_code& error) {
                       if (self->server_number_ != number) return;
                       self->is_server_awaited_ = false;
                       if (!error) self->server_is_readable();
                     });
}

void Session::client_is_readable() {
  if (stage_ == Stage::Parting) return discard_from_client();
  if (stage_ != Stage::Relaying) return;
  auto& buffer = worker_.scratch();
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    std::size_t count = 0;
    const Got got = take_arrived(client_, buffer.data(), buffer.size(), count);
    if (got == Got::End) return finish();
    if (got == Got::Nothing) break;
    if (!to_server({buffer.data(), count})) return;  // goes on when it has taken the rest
    if (count < buffer.size()) break;
  }
  read_client();
}

void Session::server_is_readable() {
  if (stage_ != Stage::Relaying) return;
  auto& buffer = worker_.scratch();
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    std::size_t count = 0;
    const Got got = take_arrived(server_, buffer.data(), buffer.size(), count);
    if (got == Got::End) return server_is_gone();
    if (got == Got::Nothing) break;
    if (!take_from_server({buffer.data(), count})) return;
    if (count < buffer.size()) break;
  }
  read_server();
}

// False: the server does not take all of it now, or the session is over.
bool Session::to_server(std::string_view bytes) {
  if (is_told_plainly_) talk_.from_client(bytes);
  add(tally_->leg(purpose_).from_clients_bytes, bytes.size());
  if (server_is_deaf_) return true;
  const auto given = give(server_, bytes);
  if (!given) {
    // It may have said why before it went: what it said is still to be read.
    server_is_deaf_ = true;
    return true;
  }
  if (*given == bytes.size()) return true;
  unsent_to_server_.assign(bytes.substr(*given));
  flush_to_server();
  return false;
}

bool Session::to_client(std::string_view bytes) {
  const auto given = give(client_, bytes);
  if (!given) {
    finish();
    return false;
  }
  if (*given == bytes.size()) return true;
  unsent_to_client_.assign(bytes.substr(*given));
  flush_to_client();
  return false;
}

void Session::flush_to_server() {
  server_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& error) {
    if (error || self->stage_ != Stage::Relaying) return;
    const auto given = give(self->server_, self->unsent_to_server_);
    if (!given) self->server_is_deaf_ = true;
    if (given && *given < self->unsent_to_server_.size()) {
      self->unsent_to_server_.erase(0, *given);
      return self->flush_to_server();
    }
    self->unsent_to_server_ = {};
    self->read_client();
  });
}

void Session::flush_to_client() {
  client_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& error) {
    if (error || self->stage_ == Stage::Over) return;
    const auto given = give(self->client_, self->unsent_to_client_);
    if (!given) return self->finish();
    self->unsent_to_client_.erase(0, *given);
    if (!self->unsent_to_client_.empty()) return self->flush_to_client();
    self->unsent_to_client_ = {};
    if (self->stage_ == Stage::Parting) {
      error_code ignored;
      self->client_.shutdown(Socket::shutdown_send, ignored);
    } else if (self->may_park()) {
      self->park();
    } else if (self->stage_ == Stage::Relaying) {
      self->read_server();
    }
  });
}

// False: reading goes on later, or never.
bool Session::take_from_server(std::string_view bytes) {
  if (is_told_plainly_) {
    const bool was_between_messages = talk_.is_between_messages();
    const std::uint64_t answers_before = talk_.answers();
    talk_.from_server(bytes);
    add(tally_->leg(purpose_).answers, talk_.answers() - answers_before);
    if (!is_settled_ && !settle(was_between_messages)) return false;
  }
  add(tally_->leg(purpose_).to_clients_bytes, bytes.size());
  if (!to_client(bytes)) return false;
  if (worker_.is_draining() && talk_.is_at_rest()) {
    drain();
    return false;
  }
  if (worker_.is_change_announced() && may_park()) {
    park();
    return false;
  }
  return true;
}

// The server's first words: is it what it is taken for, and what is the key of this session?
bool Session::settle(bool was_between_messages) {
  if (must_be_primary_ && talk_.in_hot_standby() == true) {
    log_info("{} is in recovery, so it takes no writes yet: a session with it is refused",
             tally_->name);
    cut({.sqlstate = pgwire::kCannotConnectNow,
         .message = tally_->name + " leads the cluster and is still in recovery",
         .hint = "Try again: it is about to be promoted."},
        was_between_messages);
    return false;
  }
  if (!is_key_entered_ && talk_.cancel_key()) {
    worker_.common().keys.enter(*talk_.cancel_key(), server_endpoint_);
    is_key_entered_ = true;
  }
  is_settled_ = talk_.has_begun() || !talk_.is_readable();
  return true;
}

// ---- the end ---------------------------------------------------------------------------------

void Session::server_is_gone() {
  const bool has_said_why = talk_.farewell() || talk_.is_leaving();
  if (!is_told_plainly_ || has_said_why || !talk_.is_between_messages()) return part();
  add(worker_.common().tally.port(purpose_).lost);
  cut({.sqlstate = pgwire::kConnectionFailure,
       .message = "the connection to " + tally_->name + " was lost",
       .detail = "Its PostgreSQL has closed it without saying why; it may have crashed.",
       .hint =
           "Whether a statement without an answer was carried out is not known. Connect again."},
      true);
}

// Tells the client, if it can be told, and ends the session.
void Session::cut(const pgwire::ErrorText& error, bool can_be_told) {
  if (is_told_plainly_ && can_be_told) {
    const std::string fatal = pgwire::write_fatal(error);
    if (!unsent_to_client_.empty()) {
      unsent_to_client_ += fatal;
    } else if (!to_client(fatal) && stage_ == Stage::Over) {
      return;
    }
  }
  part();
}

// The client shall read all that was said: closing while something of its own is unread would take
// the last words from it.
void Session::part() {
  leave_opening();
  leave_held();
  leave_parked();
  let_go_of_server();
  stage_ = Stage::Parting;
  error_code ignored;
  if (unsent_to_client_.empty()) client_.shutdown(Socket::shutdown_send, ignored);
  set_alarm(kPartingMax);
  read_client();
}

void Session::discard_from_client() {
  char rest[kDiscardMax];
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    std::size_t count = 0;
    const Got got = take_arrived(client_, rest, sizeof rest, count);
    if (got == Got::End) return finish();
    if (got == Got::Nothing) break;
  }
  read_client();
}

void Session::let_go_of_server() {
  end_connecting();
  if (is_key_entered_) worker_.common().keys.remove(*talk_.cancel_key(), server_endpoint_);
  is_key_entered_ = false;
  if (is_counted_) subtract(worker_.common().tally.port(purpose_).open_now);
  is_counted_ = false;
  if (tally_) subtract(tally_->leg(purpose_).open_now);
  tally_.reset();
  close_hard(server_);
  is_server_awaited_ = false;
  ++server_number_;
}

void Session::finish() {
  if (stage_ == Stage::Over) return;
  leave_opening();
  leave_held();
  leave_parked();
  let_go_of_server();
  stage_ = Stage::Over;
  alarm_.cancel();
  error_code ignored;
  client_.close(ignored);
  if (place_) worker_.forget(*std::exchange(place_, std::nullopt));
}

// ---- what the worker says ----------------------------------------------------------------------

bool Session::obey(const RoutePlan& plan) {
  if (stage_ == Stage::Parked) {
    if (waits_for_news_) alarm_.cancel();
    return false;
  }
  if (!tally_ || stage_ > Stage::Relaying) return false;
  if (plan.routes.announced_change && may_park()) {
    park();
    return false;
  }
  const SessionFacts facts{.purpose = purpose_, .server = tally_->name};
  const auto doom = why_doomed(facts, plan.routes, worker_.common().config.routing);
  if (!doom) return false;
  if (is_being_led()) {
    is_rerouted_ = true;
    close_hard(server_);
    return false;
  }
  add(worker_.common().tally.port(purpose_).cut);
  cut({.sqlstate = pgwire::kAdminShutdown,
       .message = "terminating connection: " + *doom,
       .hint = "Connect again: this router leads to where the cluster is now."},
      talk_.is_between_messages());
  return true;
}

void Session::drain() {
  const pgwire::ErrorText farewell{
      .sqlstate = pgwire::kAdminShutdown,
      .message = "terminating connection: this router is shutting down",
      .hint = "Connect again, to another router."};
  if (stage_ == Stage::Opening) return finish();
  if (is_being_led()) return cut(farewell, true);
  if (stage_ == Stage::Relaying && talk_.is_at_rest() && unsent_to_client_.empty()) {
    cut(farewell, true);
  }
}

// Who is at rest has sent nothing that could be unacknowledged.
void Session::feel_pulse() {
  if (stage_ != Stage::Relaying || talk_.is_at_rest()) return;
  const Milliseconds patience = worker_.common().config.limits.unacknowledged_max;
  if (has_been_silent(client_, patience)) return finish();
  if (!has_been_silent(server_, patience)) return;
  add(worker_.common().tally.port(purpose_).lost);
  cut({.sqlstate = pgwire::kConnectionFailure,
       .message = "the connection to " + tally_->name + " was lost",
       .detail = "Nothing has come from its host for a while, not even acknowledgements.",
       .hint =
           "Whether a statement without an answer was carried out is not known. Connect again."},
      talk_.is_between_messages());
}

void Session::give_up_opening() {
  add(worker_.common().tally.startup_timeouts);
  log_debug("a client has not said in time what it wants");
  finish();
}

}  // namespace pgherd::router
