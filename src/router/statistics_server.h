// StatisticsServer: the router's figures over HTTP.
//
//   /                 the page              /;csv, /stats;csv   as HAProxy's
//   /metrics          for Prometheus        /status             JSON
//   /health           200 while the store is heard and somebody takes sessions, else 503; needs no
//   login
//
// Threads: the owner's loop. A connection that is silent for ten seconds is closed, and so is the
// one that came first when there are too many.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "model/agent_config.h"
#include "router/sockets.h"

namespace pgherd::router {

struct StatisticsFace {
  std::function<std::string()> page;
  std::function<std::string()> csv;
  std::function<std::string()> metrics;
  std::function<std::string()> json;
  std::function<bool()> is_healthy;
};

class StatisticsServer {
 public:
  // Listens when it returns; throws as listen_on.
  StatisticsServer(Loop& loop, const ListenAddress& address, std::optional<Credentials> login,
                   StatisticsFace face);
  ~StatisticsServer();
  StatisticsServer(const StatisticsServer&) = delete;
  StatisticsServer& operator=(const StatisticsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  struct State;  // what connections share with it, and may outlive it with

 private:
  void accept();

  Acceptor acceptor_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> pause_;
  std::shared_ptr<State> state_;
};

}  // namespace pgherd::router
