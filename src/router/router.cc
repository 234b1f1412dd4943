#include "router/router.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "codec/router_config.h"
#include "dcs/etcd/etcd_dcs.h"
#include "dcs/layout.h"
#include "dcs/store_session.h"
#include "router/presence.h"
#include "router/statistics_documents.h"
#include "router/statistics_server.h"
#include "router/tallies.h"
#include "router/worker.h"
#include "routing/planner.h"
#include "runtime/asio_clock.h"
#include "runtime/environment.h"
#include "runtime/log.h"

namespace pgherd {
namespace router {
namespace {

namespace asio = boost::asio;

// Lag in time grows without news, so the plan is made anew from time to time.
constexpr Duration kPlanAtLeastEvery = 1s;
constexpr std::size_t kEventsMax = 100;

int threads_of(const RouterConfig& config) {
  if (config.threads > 0) return config.threads;
  // The servers and clients of a small machine need its processors more.
  const int processors = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(processors / 2, 1, 8);
}

// Two sockets for each session, and some more.
void raise_descriptor_limit(std::size_t sessions_max) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = 2 * sessions_max + 100;
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
    log_warning(
        "this process may open {} files, and router.max_connections {} needs {}: raise the limit "
        "(LimitNOFILE, ulimit -n) or lower the key",
        limit.rlim_cur, sessions_max, wanted);
  }
}

// Two routers on one host have different ports.
std::string name_of(const RouterConfig& config) {
  if (!config.name.empty()) return config.name;
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  const auto& address = config.write_listen ? config.write_listen : config.read_listen;
  return fmt::format("{}:{}", host, address->port);
}

std::string text_of(const Server& server) {
  return fmt::format("{} ({}:{})", server.name, server.address.host, server.address.port);
}

std::string readers_of(const Routes& routes) {
  std::string names;
  for (const Server& server : routes.servers)
    if (server.takes_reads) names.append(names.empty() ? "" : ", ").append(server.name);
  return names.empty() ? "nobody" : names;
}

// Whether sessions would go another way. Lag changes all the time.
bool differ(const Routes& one, const Routes& other) {
  const auto is_same = [](const Server& a, const Server& b) {
    return a.name == b.name && a.address == b.address && a.role == b.role && a.state == b.state &&
           a.timeline == b.timeline && a.takes_reads == b.takes_reads;
  };
  return one.is_known != other.is_known || one.leader != other.leader || one.reign != other.reign ||
         one.primary != other.primary ||
         one.primary_is_in_recovery != other.primary_is_in_recovery ||
         one.why_no_primary != other.why_no_primary ||
         one.announced_change != other.announced_change ||
         !std::equal(one.servers.begin(), one.servers.end(), other.servers.begin(),
                     other.servers.end(), is_same);
}

class Router {
 public:
  explicit Router(RouterConfig config);
  int run();

 private:
  void watch_store();
  void see(const Shared<ClusterView>& view);
  void note_sight();
  void plan();
  void plan_later();
  void publish(Routes routes);
  std::shared_ptr<ServerTally> tally_of(const NodeName& name);
  void tell_changes(const Routes& before, const Routes& now);
  void come_to_rest(Revision request);
  void note(const std::string& event);
  void serve_statistics();
  [[nodiscard]] RouterStatus status() const;
  [[nodiscard]] bool is_healthy() const;
  void hear_signals();
  void drain();
  void end(const std::string& why);

  Common common_;
  asio::io_context io_{1};
  asio::signal_set signals_{io_};
  AsioClock clock_{io_.get_executor()};
  Layout layout_;
  EtcdDcs dcs_;
  Planner planner_;
  std::unique_ptr<StoreSession> store_;
  std::unique_ptr<Alarm> next_plan_;
  std::unique_ptr<Alarm> drain_ends_;
  Shared<ClusterView> view_;
  Routes routes_;
  std::map<NodeName, std::shared_ptr<ServerTally>> tallies_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Presence> presence_;
  Revision resting_for_;
  std::size_t resting_ = 0;  // loops whose sessions are at rest for that request
  std::unique_ptr<StatisticsServer> statistics_;
  std::deque<RouterEvent> events_;  // latest first
  Instant began_ = clock_.now();
  std::size_t draining_ = 0;
  bool is_ending_ = false;
  bool store_is_silent_ = false;
};

Router::Router(RouterConfig config)
    : common_{.config = std::move(config)},
      layout_(common_.config.name_space, common_.config.scope, ""),
      dcs_(common_.config.etcd, io_.get_executor(), clock_,
           EtcdHints{.tell = [](const std::string& line) { log_info("{}", line); }}),
      planner_(common_.config.routing) {
  for (int i = 0; i < threads_of(common_.config); ++i) {
    workers_.push_back(std::make_unique<Worker>(common_));
    Worker& worker = *workers_.back();
    // Port 0 is one that the system chooses, the same for all loops.
    const auto listen = [&](std::optional<ListenAddress>& address, Purpose purpose) {
      if (!address) return;
      worker.listen(*address, purpose);
      address->port = worker.port(purpose);
    };
    worker.when_at_rest(
        [this](Revision request) { asio::post(io_, [this, request] { come_to_rest(request); }); });
    listen(common_.config.write_listen, Purpose::Write);
    listen(common_.config.read_listen, Purpose::Read);
  }
  serve_statistics();
}

int Router::run() {
  raise_descriptor_limit(common_.config.limits.sessions_max);
  hear_signals();
  watch_store();
  if (common_.config.move_sessions) {
    presence_ =
        std::make_unique<Presence>(clock_, dcs_, layout_.router_key(name_of(common_.config)));
    presence_->start();
  }
  const auto port_text = [](const std::optional<ListenAddress>& address) {
    return address ? std::to_string(address->port) : "none";
  };
  log_info(
      "router of cluster {} begins: writes on port {}, reads on port {}, statistics on port {}, "
      "{} loops",
      common_.config.scope, port_text(common_.config.write_listen),
      port_text(common_.config.read_listen), port_text(common_.config.statistics_listen),
      workers_.size());
  std::vector<std::thread> threads;
  for (const auto& worker : workers_)
    threads.emplace_back([&worker] { worker->run(); });
  io_.run();
  for (const auto& worker : workers_)
    worker->stop();
  for (std::thread& thread : threads)
    thread.join();
  store_->stop();
  statistics_.reset();
  flush_log();
  return 0;
}

// ---- the store
// -----------------------------------------------------------------------------------

void Router::watch_store() {
  StoreSession::Listener listener;
  listener.pictured = [this](const Shared<ClusterView>& view) { see(view); };
  listener.alive = [this] { note_sight(); };
  listener.silent = [this](const std::string& problem) {
    if (!std::exchange(store_is_silent_, true)) {
      log_warning("the store is silent: {}; sessions go where they went, new ones too", problem);
    }
  };
  store_ = std::make_unique<StoreSession>(clock_, dcs_, layout_, std::move(listener));
  store_->start();
}

void Router::note_sight() {
  common_.tally.seen_at = clock_.now().nanoseconds();
  if (std::exchange(store_is_silent_, false)) log_info("the store answers again");
}

void Router::see(const Shared<ClusterView>& view) {
  note_sight();
  view_ = view;
  plan();
}

void Router::plan() {
  Routes routes = planner_.plan(*std::as_const(view_), clock_.now(), clock_.wall_now());
  const bool is_new = differ(routes, routes_);
  if (is_new) {
    tell_changes(routes_, routes);
    publish(std::move(routes));
  } else {
    routes_ = std::move(routes);
  }
  plan_later();
}

void Router::plan_later() {
  next_plan_ = clock_.at(clock_.now() + kPlanAtLeastEvery, [this] { plan(); });
}

std::shared_ptr<ServerTally> Router::tally_of(const NodeName& name) {
  auto& tally = tallies_[name];
  if (!tally) tally = std::make_shared<ServerTally>(name);
  return tally;
}

void Router::publish(Routes routes) {
  routes_ = std::move(routes);
  auto plan = std::make_shared<RoutePlan>();
  plan->routes = routes_;
  for (const Server& server : routes_.servers) {
    plan->tallies.push_back(tally_of(server.name));
    // There is news: whoever could not be reached a moment ago is tried at once.
    plan->tallies.back()->unreachable_until = 0;
  }
  for (const auto& worker : workers_)
    worker->obey(plan);
}

void Router::tell_changes(const Routes& before, const Routes& now) {
  const std::string to = now.primary ? text_of(now.servers[*now.primary]) : "";
  const std::string from = before.primary ? text_of(before.servers[*before.primary]) : "";
  if (!to.empty() && to != from) note("writes go to " + to);
  if (to.empty() && now.why_no_primary != before.why_no_primary) {
    note("new sessions for writes wait: " + now.why_no_primary);
  }
  if (now.announced_change && !before.announced_change) {
    note(now.leader + " is about to stop: sessions for writes wait when they come to rest");
  }
  const std::string readers = readers_of(now);
  if (readers != readers_of(before)) note("reads go to " + readers);
}

// Said when the last of the loops has come to it.
void Router::come_to_rest(Revision request) {
  if (request != resting_for_) resting_ = 0;
  resting_for_ = request;
  if (++resting_ == workers_.size() && presence_) presence_->say_at_rest_for(request);
}

// ---- the statistics
// ------------------------------------------------------------------------------

void Router::note(const std::string& event) {
  log_info("{}", event);
  events_.push_front({.at = clock_.wall_now(), .text = event});
  if (events_.size() > kEventsMax) events_.pop_back();
}

void Router::serve_statistics() {
  auto& address = common_.config.statistics_listen;
  if (!address) return;
  statistics_ = std::make_unique<StatisticsServer>(
      io_, *address, common_.config.statistics_login,
      StatisticsFace{.page = [this] { return status_page(status()); },
                     .csv = [this] { return status_csv(status()); },
                     .metrics = [this] { return status_metrics(status()); },
                     .json = [this] { return status_json(status()); },
                     .is_healthy = [this] { return is_healthy(); }});
  address->port = statistics_->port();
  if (!common_.config.statistics_login) {
    log_warning("router.statistics has no username and password: whoever can connect sees it");
  }
}

RouterStatus Router::status() const {
  const auto seen_at = Instant::from_nanoseconds(common_.tally.seen_at.load());
  RouterStatus status{.scope = common_.config.scope,
                      .serves_writes = common_.config.write_listen.has_value(),
                      .serves_reads = common_.config.read_listen.has_value(),
                      .sessions_max = common_.config.limits.sessions_max,
                      .up_for = clock_.now() - began_,
                      .store_seen_ago = clock_.now() - seen_at,
                      .store_is_silent = store_is_silent_,
                      .routes = routes_,
                      .tally = common_.tally};
  for (const Server& server : routes_.servers)
    status.tallies.push_back(tallies_.at(server.name));
  status.events.assign(events_.begin(), events_.end());
  return status;
}

bool Router::is_healthy() const {
  const auto seen_at = Instant::from_nanoseconds(common_.tally.seen_at.load());
  if (is_ending_ || clock_.now() - seen_at > common_.config.routing.view_age_max) return false;
  return routes_.primary || std::any_of(routes_.servers.begin(), routes_.servers.end(),
                                        [](const Server& server) { return server.takes_reads; });
}

// ---- the end ---------------------------------------------------------------------------------

void Router::hear_signals() {
  for (const int number : {SIGTERM, SIGINT})
    signals_.add(number);
  signals_.async_wait([this](const boost::system::error_code& error, int /*number*/) {
    if (error) return;
    hear_signals();
    if (std::exchange(is_ending_, true)) return end("asked to end a second time: now");
    drain();
  });
}

void Router::drain() {
  log_info(
      "asked to end: no new connections; sessions end as they come to rest, the last ones in "
      "{} s",
      common_.config.limits.drain_max / 1s);
  draining_ = workers_.size();
  for (const auto& worker : workers_) {
    worker->drain([this] {
      asio::post(io_, [this] {
        if (--draining_ == 0) end("no session is left");
      });
    });
  }
  drain_ends_ = clock_.at(clock_.now() + common_.config.limits.drain_max,
                          [this] { end("the time for draining is over"); });
}

void Router::end(const std::string& why) {
  log_info("the router ends: {}", why);
  signals_.cancel();
  const auto stop = [this] { io_.stop(); };
  if (presence_) return presence_->leave(stop);
  stop();
}

}  // namespace
}  // namespace router

int run_router(const std::string& config_path) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: a peer that hangs up is an error of its own call
  try {
    LoadedRouterConfig loaded = load_router_config(config_path, process_environment());
    configure_log(loaded.config.log);
    for (const std::string& warning : loaded.warnings)
      log_warning("{}", warning);
    return router::Router(std::move(loaded.config)).run();
  } catch (const std::exception& problem) {
    flush_log();
    fmt::print(stderr, "pgherd: {}\n", problem.what());
    return 1;
  }
}

int validate_router_config(const std::string& config_path) {
  try {
    const LoadedRouterConfig loaded = load_router_config(config_path, process_environment());
    for (const std::string& warning : loaded.warnings)
      fmt::print(stderr, "warning: {}\n", warning);
    return 0;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "pgherd: {}\n", problem.what());
    return 1;
  }
}

}  // namespace pgherd
