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

  void enter(const pgwire::CancelRequest& key, const Endpoint& server);
  void remove(const pgwire::CancelRequest& key, const Endpoint& server);
  // nullopt: a key that no session of this router has.
  [[nodiscard]] std::optional<Endpoint> server_of(const pgwire::CancelRequest& key) const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string key;
    Endpoint server;
  };
  mutable std::mutex mutex_;
  std::unordered_multimap<std::uint32_t, Entry> entries_;  // by pid: two nodes may give the same
};

}  // namespace pgherd::router
