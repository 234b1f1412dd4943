// Verifiers: what the primary has stored of its users' passwords, asked for with the router's own
// login when sessions are to be moved there. Of one reign each role is asked for once, and nothing
// is kept beyond the next one.
//
// Threads: its worker's loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/ids.h"
#include "model/router_config.h"
#include "router/cancel_keys.h"
#include "router/scram.h"
#include "router/sockets.h"

namespace pgherd::router {

class Verifiers {
 public:
  using Endpoint = CancelKeys::Endpoint;

  struct Found {
    std::optional<Verifier> verifier;
    std::string problem;      // unless there is one
    bool is_lasting = false;  // asking again would not help
  };

  // Both outlive it. Precondition for of(): config.move_sessions.
  Verifiers(Loop& loop, const RouterConfig& config) : loop_(loop), config_(config) {}

  // Of this role, at the server that leads in this reign.
  boost::asio::awaitable<Found> of(std::string role, Endpoint server, Revision reign);

 private:
  struct Asked {
    explicit Asked(Loop& loop) : is_over(loop) {}
    std::optional<Found> found;
    boost::asio::steady_timer is_over;
  };
  boost::asio::awaitable<Found> ask(std::string role, Endpoint server);

  Loop& loop_;
  const RouterConfig& config_;
  Revision reign_;
  std::map<std::string, std::shared_ptr<Asked>> asked_;
};

}  // namespace pgherd::router
