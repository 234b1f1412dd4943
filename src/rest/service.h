// What a RestServer's connections and handlers share. For this room only.
//
// Connections are coroutines that hold it; `is_stopped` tells those that wake up late that the node
// is not to be touched any more.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/agent_config.h"
#include "peers/peers.h"
#include "rest/access.h"
#include "rest/node_face.h"
#include "rest/requests.h"
#include "rest/tls_trouble.h"

namespace pgherd {

// One configuration and what was made of it; a connection keeps the one under which it was
// accepted.
struct RestSetup {
  RestConfig config;
  AllowList allow_list;
  std::shared_ptr<boost::asio::ssl::context> tls;  // null: plain HTTP
};

// A connection as the service sees it.
struct ConnectionSlot {
  std::function<void()> close;
  bool is_between_requests = true;  // waits for the client, and may be closed for a newer one
};

struct RestService {
  RestService(boost::asio::any_io_executor executor, NodeFace& node_face, Peers& other_members)
      : loop(std::move(executor)), node(node_face), peers(other_members) {}

  boost::asio::any_io_executor loop;
  NodeFace& node;
  Peers& peers;
  std::shared_ptr<RestSetup> setup;
  bool is_stopped = false;
  std::list<ConnectionSlot> connections;  // longest without a request first
  RepeatedLines refusals;                 // of clients over certificates

  // Those who wait for the look at PostgreSQL that is under way.
  std::vector<std::function<void(NodeStatus)>> observers;
  Instant observing_since;
};

// Longer than the store's own deadlines: it says itself when it is out of reach.
inline constexpr Duration kStoreLimit = 15s;

// Reads the store now; a refusal (503) says why it cannot.
[[nodiscard]] boost::asio::awaitable<Result<ClusterView, Refusal>> fresh_cluster(
    std::shared_ptr<RestService> service);

}  // namespace pgherd
