// A session that waits while the primary is asked to give way, and goes on with the new one. It is
// moved only if the server itself has told all that it has (session_state.h); in doubt it is ended,
// which its client can see.
#include <boost/asio/co_spawn.hpp>

#include "router/session.h"
#include "runtime/asio_clock.h"
#include "runtime/await_answer.h"
#include "runtime/log.h"

namespace pgherd::router {
namespace {

namespace asio = boost::asio;
using asio::awaitable;

constexpr std::size_t kReplyMax = 16U << 10U;

}  // namespace

void Session::keep_identity(const pgwire::StartupMessage& startup, const std::string& packet) {
  const bool may_be_moved = worker_.common().config.move_sessions && purpose_ == Purpose::Write &&
                            is_told_plainly_ && !startup.is_replication;
  if (!may_be_moved) return;
  identity_ = std::make_unique<const Identity>(Identity{.user = startup.user, .startup = packet});
  talk_.keep_what_can_be_restored();
}

bool Session::may_park() const {
  return stage_ == Stage::Relaying && identity_ && worker_.is_change_announced() &&
         talk_.is_at_rest() && !talk_.farewell() && !talk_.is_leaving() && !server_is_deaf_ &&
         unsent_to_client_.empty() && unsent_to_server_.empty();
}

bool Session::has_yet_to_rest() const {
  if (!identity_ || !talk_.is_readable()) return false;
  return stage_ == Stage::Connecting || stage_ == Stage::Relaying ||
         (stage_ == Stage::Parked && !waits_for_news_);
}

void Session::park() {
  stage_ = Stage::Parked;
  arrived_ = boottime_now();  // its patience begins anew
  is_parked_ = true;
  add(worker_.common().tally.port(purpose_).parked_now);
  asio::co_spawn(worker_.loop(), stay_parked(shared_from_this()),
                 [](const std::exception_ptr& error) {
                   if (error) std::rethrow_exception(error);
                 });
}

void Session::leave_parked() {
  if (std::exchange(is_parked_, false)) subtract(worker_.common().tally.port(purpose_).parked_now);
}

awaitable<void> Session::stay_parked(std::shared_ptr<Session> self) {
  try {
    co_await self->wait_and_go_on();
  } catch (const std::exception& error) {
    log_error("a session ended with an exception: {}", error.what());
    self->finish();
  }
}

awaitable<void> Session::wait_and_go_on() {
  SessionState state = co_await ask_for_state();
  while (stage_ == Stage::Parked) {
    switch (what_is_next()) {
      case Next::Wait:
        co_await wait_for_news();
        break;
      case Next::Resume:
        co_return resume();
      case Next::GiveUp:
        co_return cut_unmoved("nobody has become the primary in its place");
      case Next::Move:
        if (!state.obstacle.empty()) co_return cut_unmoved(state.obstacle);
        co_return co_await move(std::move(state));
    }
  }
}

// Asked while the old server is there: afterwards nobody could tell.
awaitable<SessionState> Session::ask_for_state() {
  SessionState unknown;
  if (talk_.login()->method() == pgwire::LoginTranscript::Method::Other) {
    unknown.obstacle = "its login cannot be repeated: it was neither SCRAM nor md5";
    co_return unknown;
  }
  if (!talk_.setting_names()->is_complete()) {
    unknown.obstacle = "which settings it has made cannot be known";
    co_return unknown;
  }
  QueryAnswer answer;
  co_await converse(write_query(session_state_query(talk_.setting_names()->names())), answer);
  if (stage_ != Stage::Parked) co_return unknown;
  if (!answer.asides().empty()) static_cast<void>(to_client(answer.asides()));
  if (!answer.is_over() || answer.problem()) {
    unknown.obstacle = "it could not be asked what it has on its server: " +
                       answer.problem().value_or("its server was gone");
    co_return unknown;
  }
  co_return read_session_state(answer.rows(), identity_->user);
}

// Says these bytes to the server and hears what it says, until that is over or the server is gone.
awaitable<void> Session::converse(std::string bytes, ServerTalk& talk) {
  set_alarm(worker_.common().config.limits.connect_max);
  while (true) {
    if (!bytes.empty()) {
      const bool is_sent = co_await write_to_server(std::move(bytes));
      if (!is_sent) co_return;
    }
    if (talk.is_over()) break;
    std::string got;
    const bool is_there = co_await read_from_server(got, kReplyMax);
    if (!is_there) co_return;
    talk.take(got);
    bytes = talk.take_answer();
  }
  alarm_.cancel();
}

Session::Next Session::what_is_next() {
  const Routes& routes = worker_.plan().routes;
  if (routes.leader == tally_->name && !routes.announced_change) {
    return is_closed(server_) ? Next::Move : Next::Resume;
  }
  if (!routes.leader.empty() && routes.leader != tally_->name) return Next::Move;
  const Instant until = arrived_ + worker_.common().config.routing.hold_max;
  return boottime_now() < until ? Next::Wait : Next::GiveUp;
}

awaitable<void> Session::wait_for_news() {
  const Instant until = arrived_ + worker_.common().config.routing.hold_max;
  ++alarms_;
  alarm_.expires_after(std::max(Duration(0), until - boottime_now()));
  waits_for_news_ = true;
  const auto [ignored] = co_await alarm_.async_wait(kAsTuple);
  static_cast<void>(ignored);
  waits_for_news_ = false;
}

// The leader stays who it is, and was not restarted.
void Session::resume() {
  leave_parked();
  stage_ = Stage::Relaying;
  if (unsent_to_client_.empty()) read_server();
  read_client();
}

awaitable<void> Session::move(SessionState state) {
  leave_parked();
  let_go_of_server();
  stage_ = Stage::Held;
  while (is_being_led()) {
    if (!server_.is_open()) {
      let_go_of_server();
      const bool has_server = co_await attach(WhenRefused::Tell);
      if (!has_server) co_return;
    }
    stage_ = Stage::Connecting;
    const Setback setback = co_await log_in_again(state);
    if (!is_being_led()) co_return;
    alarm_.cancel();
    if (setback.why.empty() && !is_rerouted_) {
      end_connecting();
      worker_.reached(*tally_);
      add(worker_.common().tally.port(purpose_).moved);
      co_return relay({});
    }
    if (setback.is_lasting) co_return cut_unmoved(setback.why);
    server_failed(setback.why);
  }
}

// In the client's name, and what the session had is made again.
awaitable<Session::Setback> Session::log_in_again(const SessionState& state) {
  Secret secret;
  Setback setback = co_await find_secret(secret);
  if (!setback.why.empty() || !is_being_led()) co_return setback;
  ServerLogin login(identity_->user, std::move(secret), new_nonce());
  co_await converse(identity_->startup, login);
  if (const auto& refusal = login.refusal()) {
    setback.why = refusal->message;
    setback.is_lasting = refusal->sqlstate != pgwire::kCannotConnectNow;
  } else if (!login.is_ready()) {
    setback.why = "it closed the connection instead of answering";
  } else if (must_be_primary_ && login.is_in_recovery()) {
    setback.why = "it is in recovery still";
  }
  if (!setback.why.empty() || !is_being_led()) co_return setback;
  std::string told = login.parameters();
  setback = co_await restore(state, told);
  if (!setback.why.empty() || !is_being_led()) co_return setback;
  if (!to_client(told) && stage_ == Stage::Over) co_return setback;
  if (talk_.cancel_key() && login.cancel_key()) {
    worker_.common().keys.enter(*talk_.cancel_key(), server_endpoint_, *login.cancel_key());
    is_key_entered_ = true;
  }
  co_return setback;
}

awaitable<Session::Setback> Session::find_secret(Secret& secret) {
  Setback setback;
  if (talk_.login()->method() == pgwire::LoginTranscript::Method::None) co_return setback;
  const Verifiers::Found found = co_await worker_.verifiers().of(identity_->user, server_endpoint_,
                                                                 worker_.plan().routes.reign);
  if (!found.verifier) {
    setback.why = found.problem;
    setback.is_lasting = found.is_lasting;
    co_return setback;
  }
  if (auto known = secret_of(*talk_.login(), *found.verifier)) {
    secret = std::move(*known);
  } else {
    setback.why = "the password of " + identity_->user + " was changed since it logged in";
    setback.is_lasting = true;
  }
  co_return setback;
}

// `told`: what the client is to hear of it is added.
awaitable<Session::Setback> Session::restore(const SessionState& state, std::string& told) {
  Setback setback;
  Restoration restoration = restoration_of(state);
  if (restoration.readies == 0) co_return setback;
  QueryAnswer answer(restoration.readies);
  co_await converse(std::move(restoration.messages), answer);
  told += answer.asides();
  if (answer.problem()) {
    setback.why = "what it had could not be made again: " + *answer.problem();
    setback.is_lasting = true;
  } else if (!answer.is_over()) {
    setback.why = "it closed the connection instead of answering";
  }
  co_return setback;
}

void Session::cut_unmoved(const std::string& obstacle) {
  add(worker_.common().tally.port(purpose_).cut);
  log_debug("a session of {} is not moved: {}", identity_->user, obstacle);
  cut({.sqlstate = pgwire::kAdminShutdown,
       .message = "terminating connection: the primary has moved, or was restarted",
       .detail = "This session could not go on there: " + obstacle + ".",
       .hint = "Connect again: this router leads to where the cluster is now."},
      true);
}

}  // namespace pgherd::router
