// Who may send requests that change something (Patroni api.py check_access). Pure but for the
// resolving of names, which the server does. Fails closed: a list whose entries mean nothing admits
// nobody.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/agent_config.h"

namespace pgherd {

struct Network {
  boost::asio::ip::address address;
  unsigned prefix_length = 0;
};
// "10.1.2.3/8" (host bits may be set), "::1/128", or a bare address. nullopt for a name.
[[nodiscard]] std::optional<Network> parse_network(std::string_view text);

// An IPv4 client of a dual-stack socket is an IPv4 client.
[[nodiscard]] boost::asio::ip::address unmapped(const boost::asio::ip::address& address);
[[nodiscard]] bool contains(const Network& network, const boost::asio::ip::address& address);

class AllowList {
 public:
  AllowList() = default;
  explicit AllowList(const std::vector<std::string>& entries);

  // Entries that must be resolved; what they mean is added as it becomes known.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  void add(const boost::asio::ip::address& address);

  [[nodiscard]] bool is_restrictive() const { return is_restrictive_; }
  [[nodiscard]] bool admits(const boost::asio::ip::address& client) const;

 private:
  bool is_restrictive_ = false;
  std::vector<Network> networks_;
  std::vector<std::string> names_;
};

}  // namespace pgherd
