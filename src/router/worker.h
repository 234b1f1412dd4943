// Worker: one loop of the router, run by one thread: it listens, keeps its sessions and those that
// wait, and obeys the plan that it was given last.
//
// Threads: everything on its own loop, except where said. A session lives and dies on one loop.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/router_config.h"
#include "router/cancel_keys.h"
#include "router/sockets.h"
#include "router/tallies.h"
#include "router/verifiers.h"
#include "routing/route.h"

namespace pgherd::router {

class Session;

// What the loops of a router share.
struct Common {
  RouterConfig config;
  RouterTally tally;
  CancelKeys keys;
};

class Worker {
 public:
  // `common` outlives it.
  explicit Worker(Common& common);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before run(), on the thread that made it. Throws as listen_on.
  void listen(const ListenAddress& address, Purpose purpose);
  [[nodiscard]] std::uint16_t port(Purpose purpose) const;
  // Until stop().
  void run() { loop_.run(); }

  // `tell`: called on the loop when the sessions that follow a change of the leader are at rest, or
  // their time for it is over, with the request that announced the change. Before run().
  void when_at_rest(std::function<void(Revision)> tell) { tell_at_rest_ = std::move(tell); }

  // From any thread; done on the loop.
  void obey(std::shared_ptr<const RoutePlan> plan);
  // No new connections; sessions end as they come to rest. `done` is called on the loop when there
  // is none left.
  void drain(std::function<void()> done);
  // Ends all sessions at once and lets run() return.
  void stop();

  // For its sessions.
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] Common& common() { return common_; }
  [[nodiscard]] const RoutePlan& plan() const { return *plan_; }
  [[nodiscard]] bool is_draining() const { return is_draining_; }
  // Sessions that may be moved wait as they come to rest.
  [[nodiscard]] bool is_change_announced() const {
    return plan_->routes.announced_change.has_value();
  }
  [[nodiscard]] Verifiers& verifiers() { return verifiers_; }
  // Bytes on their way; what is in it counts until the next read of any session.
  [[nodiscard]] std::array<char, 65536>& scratch() { return scratch_; }
  // Where this client goes now. Hold as well while too many connections are being made at once.
  [[nodiscard]] Direction direct(const Client& client);

  using Sessions = std::list<std::shared_ptr<Session>>;
  using Places = std::list<Session*>;
  void forget(Sessions::iterator session);
  // The client has not said yet what it wants; it is given up if that takes too long.
  [[nodiscard]] Places::iterator await_opening(Session& session);
  void opening_is_over(Places::iterator place) { openings_.erase(place); }
  // nullopt: too many wait already.
  [[nodiscard]] std::optional<Places::iterator> hold(Session& session, const std::string& why);
  void release(Session& session, Places::iterator place);

  void connecting_begins() { ++connecting_; }
  void connecting_is_over();
  void reached(ServerTally& server);
  void not_reached(ServerTally& server, const std::string& why);

 private:
  void accept(Acceptor& acceptor, Purpose purpose);
  void take(Socket socket, Purpose purpose);
  void take_backlog();
  void put_in_force(const std::shared_ptr<const RoutePlan>& plan);
  void wake(std::size_t count);
  void retry_at(Instant when);
  void retry_unreachable(Instant now);
  void ask_for_rest();
  void look_for_rest();
  void sweep();
  void feel_pulses();
  void begin_draining(std::function<void()> done);
  void end_all();

  Common& common_;
  Loop loop_{1};
  boost::asio::executor_work_guard<Loop::executor_type> work_;
  std::shared_ptr<const RoutePlan> plan_ = std::make_shared<const RoutePlan>();
  Verifiers verifiers_;
  std::array<std::optional<Acceptor>, 2> acceptors_;  // by Purpose
  std::vector<ServerLoad> loads_;
  Sessions sessions_;
  Places openings_;             // longest first
  std::array<Places, 2> held_;  // by Purpose; longest first
  std::size_t connecting_ = 0;
  boost::asio::steady_timer accept_pause_;
  boost::asio::steady_timer retry_;
  Instant retry_at_ = Instant::never();
  boost::asio::steady_timer sweep_;
  bool is_sweeping_ = false;
  boost::asio::steady_timer pulse_;
  bool is_feeling_pulses_ = false;
  boost::asio::steady_timer rest_;
  Revision rest_asked_for_;
  Instant rest_until_;
  std::function<void(Revision)> tell_at_rest_;
  bool is_draining_ = false;
  std::function<void()> drained_;
  std::array<char, 65536> scratch_{};
};

}  // namespace pgherd::router
