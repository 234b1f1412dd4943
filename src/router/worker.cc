#include "router/worker.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "router/session.h"
#include "runtime/asio_clock.h"
#include "runtime/log.h"

namespace pgherd::router {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// A server forks for each connection: more of them at once only make all of them slower.
constexpr std::size_t kConnectingMax = 64;
constexpr std::size_t kOpeningsMax = 2048;
constexpr Duration kSweepEvery = 250ms;
constexpr Duration kPulseEvery = 1s;
constexpr Duration kAcceptPause = 100ms;
constexpr Duration kRestEvery = 5ms;
// From one failure of a server to the next attempt.
constexpr Duration kFirstPause = 10ms;
constexpr Duration kLongestPause = 100ms;

std::size_t place_of(Purpose purpose) {
  return static_cast<std::size_t>(purpose);
}
const char* name_of(Purpose purpose) {
  return purpose == Purpose::Write ? "writes" : "reads";
}

}  // namespace

Worker::Worker(Common& common)
    : common_(common),
      work_(asio::make_work_guard(loop_)),
      verifiers_(loop_, common_.config),
      accept_pause_(loop_),
      retry_(loop_),
      sweep_(loop_),
      pulse_(loop_),
      rest_(loop_) {}

Worker::~Worker() = default;

// ---- connections -------------------------------------------------------------------------------

void Worker::listen(const ListenAddress& address, Purpose purpose) {
  auto& acceptor = acceptors_[place_of(purpose)];
  acceptor = listen_on(loop_, address, purpose == Purpose::Write ? "router.write" : "router.read");
  acceptor->non_blocking(true);
  accept(*acceptor, purpose);
}

std::uint16_t Worker::port(Purpose purpose) const {
  error_code ignored;
  const auto& acceptor = acceptors_[place_of(purpose)];
  return acceptor ? acceptor->local_endpoint(ignored).port() : std::uint16_t{0};
}

void Worker::accept(Acceptor& acceptor, Purpose purpose) {
  acceptor.async_accept(loop_, [this, &acceptor, purpose](const error_code& error, Socket socket) {
    if (error == asio::error::operation_aborted || is_draining_) return;
    if (!error) {
      take(std::move(socket), purpose);
      return accept(acceptor, purpose);
    }
    // Out of descriptors, say: trying again at once would only burn the processor.
    log_warning("cannot accept a connection for {}: {}; trying again in 100 ms", name_of(purpose),
                error.message());
    accept_pause_.expires_after(kAcceptPause);
    accept_pause_.async_wait([this, &acceptor, purpose](const error_code& stopped) {
      if (!stopped) accept(acceptor, purpose);
    });
  });
}

void Worker::take(Socket socket, Purpose purpose) {
  set_up(socket);
  add(common_.tally.port(purpose).accepted);
  sessions_.push_back(std::make_shared<Session>(*this, std::move(socket), purpose));
  const auto session = sessions_.back();
  session->begin(std::prev(sessions_.end()));
  if (!std::exchange(is_feeling_pulses_, true)) feel_pulses();
  if (openings_.size() > kOpeningsMax) openings_.front()->give_up_opening();
}

// Looks for sessions whose client or server is gone without a word.
void Worker::feel_pulses() {
  pulse_.expires_after(kPulseEvery);
  pulse_.async_wait([this](const error_code& stopped) {
    if (stopped) return;
    for (auto at = sessions_.begin(); at != sessions_.end();) {
      const std::shared_ptr<Session> session = *at++;
      session->feel_pulse();
    }
    is_feeling_pulses_ = !sessions_.empty();
    if (is_feeling_pulses_) feel_pulses();
  });
}

void Worker::forget(Sessions::iterator session) {
  sessions_.erase(session);
  if (is_draining_ && sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

Worker::Places::iterator Worker::await_opening(Session& session) {
  openings_.push_back(&session);
  if (!std::exchange(is_sweeping_, true)) sweep();
  return std::prev(openings_.end());
}

void Worker::sweep() {
  sweep_.expires_after(kSweepEvery);
  sweep_.async_wait([this](const error_code& stopped) {
    if (stopped) return;
    const Instant latest = boottime_now() - common_.config.limits.startup_max;
    while (!openings_.empty() && openings_.front()->opening_since() <= latest) {
      openings_.front()->give_up_opening();
    }
    is_sweeping_ = !openings_.empty();
    if (is_sweeping_) sweep();
  });
}

// ---- servers
// -------------------------------------------------------------------------------------

Direction Worker::direct(const Client& client) {
  const Instant now = boottime_now();
  loads_.clear();
  for (const auto& tally : plan_->tallies) {
    loads_.push_back({.sessions = tally->sessions(),
                      .is_unreachable = tally->unreachable_until.load(std::memory_order_relaxed) >
                                        now.nanoseconds()});
  }
  const auto seen_at = Instant::from_nanoseconds(common_.tally.seen_at.load());
  const RoutingSettings& settings = common_.config.routing;
  Direction direction = route(plan_->routes, loads_, client, seen_at, now, settings);
  const Instant until = client.arrived + settings.hold_max;
  if (std::holds_alternative<To>(direction) && connecting_ >= kConnectingMax && now < until) {
    return Hold{.until = until, .why = "many connections are being made at once"};
  }
  // Another loop may have found out that a server is away: this one looks after its own clients.
  if (std::holds_alternative<Hold>(direction)) retry_unreachable(now);
  return direction;
}

void Worker::reached(ServerTally& server) {
  if (server.failures_in_a_row.exchange(0) != 0) {
    server.unreachable_until = 0;
    log_info("{} takes connections again", server.name);
  }
  wake(kConnectingMax);
}

void Worker::not_reached(ServerTally& server, const std::string& why) {
  add(server.failures);
  const Instant now = boottime_now();
  // Of those who failed together one counts.
  if (server.unreachable_until > now.nanoseconds()) return;
  const std::uint32_t failures = server.failures_in_a_row.fetch_add(1);
  if (failures == 0) log_info("{} does not take connections: {}", server.name, why);
  const Duration pause =
      std::min<Duration>(kFirstPause * (1U << std::min(failures, 8U)), kLongestPause);
  server.unreachable_until = (now + pause).nanoseconds();
  retry_at(now + pause);
}

void Worker::retry_unreachable(Instant now) {
  for (const auto& tally : plan_->tallies) {
    const auto until = Instant::from_nanoseconds(tally->unreachable_until.load());
    if (until > now) retry_at(until);
  }
}

// One of those who wait tries again; if it gets through it wakes the others.
void Worker::retry_at(Instant when) {
  if (when >= retry_at_) return;
  retry_at_ = when;
  retry_.expires_after(std::max(Duration(0), when - boottime_now()));
  retry_.async_wait([this](const error_code& stopped) {
    if (stopped) return;
    retry_at_ = Instant::never();
    wake(1);
  });
}

void Worker::connecting_is_over() {
  --connecting_;
  wake(1);
}

// ---- those who wait
// ------------------------------------------------------------------------------

std::optional<Worker::Places::iterator> Worker::hold(Session& session, const std::string& why) {
  PortTally& port = common_.tally.port(session.purpose());
  if (value_of(port.held_now) >= common_.config.limits.held_max) return std::nullopt;
  auto& held = held_[place_of(session.purpose())];
  if (held.empty()) log_info("clients wait with their {}: {}", name_of(session.purpose()), why);
  add(port.held);
  add(port.held_now);
  held.push_back(&session);
  return std::prev(held.end());
}

void Worker::release(Session& session, Places::iterator place) {
  PortTally& port = common_.tally.port(session.purpose());
  const auto waited =
      std::chrono::duration_cast<std::chrono::microseconds>(boottime_now() - session.held_since());
  add(port.held_microseconds,
      static_cast<std::uint64_t>(std::max<std::int64_t>(waited.count(), 0)));
  subtract(port.held_now);
  auto& held = held_[place_of(session.purpose())];
  held.erase(place);
  if (held.empty()) {
    log_info("nobody waits with {} any more; the last one has waited {} ms",
             name_of(session.purpose()), waited.count() / 1000);
  }
}

void Worker::wake(std::size_t count) {
  for (const Places& held : held_) {
    std::size_t left = count;
    for (Session* session : held) {
      if (left == 0) break;
      if (session->wake()) --left;
    }
  }
}

// ---- the plan
// ------------------------------------------------------------------------------------

void Worker::obey(std::shared_ptr<const RoutePlan> plan) {
  asio::post(loop_, [this, plan = std::move(plan)] { put_in_force(plan); });
}

void Worker::put_in_force(const std::shared_ptr<const RoutePlan>& plan) {
  plan_ = plan;
  std::size_t cut = 0;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const std::shared_ptr<Session> session = *at++;  // it may leave the list
    if (session->obey(*plan)) ++cut;
  }
  if (cut > 0) log_info("{} sessions are ended: their server leads no longer", cut);
  wake(SIZE_MAX);
  ask_for_rest();
}

void Worker::ask_for_rest() {
  const Revision request = plan_->routes.announced_change.value_or(Revision{});
  if (request == rest_asked_for_) return;
  rest_asked_for_ = request;
  rest_.cancel();
  if (!is_change_announced() || !tell_at_rest_) return;
  rest_until_ = boottime_now() + common_.config.limits.rest_max;
  look_for_rest();
}

// For as long as a change of the leader takes at most: sessions need not report each transaction.
void Worker::look_for_rest() {
  const bool is_at_rest =
      std::none_of(sessions_.begin(), sessions_.end(),
                   [](const std::shared_ptr<Session>& one) { return one->has_yet_to_rest(); });
  if (is_at_rest || boottime_now() >= rest_until_) return tell_at_rest_(rest_asked_for_);
  rest_.expires_after(kRestEvery);
  rest_.async_wait([this](const error_code& stopped) {
    if (!stopped) look_for_rest();
  });
}

void Worker::drain(std::function<void()> done) {
  asio::post(loop_, [this, done = std::move(done)]() mutable { begin_draining(std::move(done)); });
}

void Worker::begin_draining(std::function<void()> done) {
  take_backlog();
  is_draining_ = true;
  for (auto& acceptor : acceptors_)
    acceptor.reset();
  accept_pause_.cancel();
  drained_ = std::move(done);
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const std::shared_ptr<Session> session = *at++;
    session->drain();
  }
  if (sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

// Connections that the kernel has accepted already would be reset with the listening socket; they
// get an answer.
void Worker::take_backlog() {
  for (const Purpose purpose : {Purpose::Write, Purpose::Read}) {
    auto& acceptor = acceptors_[place_of(purpose)];
    error_code error;
    while (acceptor && !error) {
      Socket socket(loop_);
      acceptor->accept(socket, error);
      if (!error) take(std::move(socket), purpose);
    }
  }
}

void Worker::stop() {
  asio::post(loop_, [this] { end_all(); });
}

void Worker::end_all() {
  drained_ = nullptr;
  while (!sessions_.empty()) {
    const std::shared_ptr<Session> session = sessions_.front();
    session->finish();
  }
  work_.reset();
  loop_.stop();
}

}  // namespace pgherd::router
