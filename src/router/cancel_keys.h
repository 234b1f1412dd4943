// CancelKeys: which server a CancelRequest is for. Sessions on all loops enter the key that their
// server gave them.
//
// Threads: any.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "pgwire/opening.h"

namespace pgherd::router {

class CancelKeys {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;

  struct Target {
    Endpoint server;
    pgwire::CancelRequest request;  // as it goes to the server
    friend bool operator==(const Target&, const Target&) = default;
  };

  // `key`: as the client has it. `of_server`: as the server has it, of a session that was moved.
  void enter(const pgwire::CancelRequest& key, const Endpoint& server);
  void enter(const pgwire::CancelRequest& key, const Endpoint& server,
             const pgwire::CancelRequest& of_server);
  void remove(const pgwire::CancelRequest& key, const Endpoint& server);
  // nullopt: a key that no session of this router has.
  [[nodiscard]] std::optional<Target> target_of(const pgwire::CancelRequest& key) const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string key;
    Target target;
  };
  mutable std::mutex mutex_;
  std::unordered_multimap<std::uint32_t, Entry> entries_;  // by pid: two nodes may give the same
};

}  // namespace pgherd::router
