// RestServer: the node's HTTP API on a listening socket (Patroni, REST API). Health checks are
// answered from the present picture alone; slow, idle or hostile clients cost a bounded amount of
// memory and never hold up the others; long acts run beside them.
//
// Threads: made, used and destroyed on the owner's loop, on which it also calls the NodeFace.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>

#include "base/instant.h"
#include "model/agent_config.h"
#include "peers/peers.h"
#include "rest/node_face.h"

namespace pgherd {

struct RestLimits {
  std::size_t connections_max = 512;  // more: the one that has been silent longest is closed
  Milliseconds silence_max = 15s;     // from the end of one request to the whole of the next
  Milliseconds write_max = 15s;
  std::uint32_t header_bytes_max = 16U << 10U;
  std::uint64_t body_bytes_max = 1U << 20U;
};

class RestServer {
 public:
  // Listens when it returns. Throws std::runtime_error that names address and port, or the option
  // and file, and what to do. `node` and `peers` outlive the server.
  RestServer(boost::asio::any_io_executor loop, RestConfig config, NodeFace& node, Peers& peers,
             RestLimits limits = {});
  // As stop().
  ~RestServer();
  RestServer(const RestServer&) = delete;
  RestServer& operator=(const RestServer&) = delete;

  // Takes another configuration; listens anew if the address changed, and always reads certificates
  // again. Throws as the constructor; the old configuration then stays in force.
  void reconfigure(RestConfig config);

  // Closes the listening socket and all connections. The node is not called any more.
  void stop();

  // The port it listens on (of use when the configuration says 0).
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connection_count() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pgherd
