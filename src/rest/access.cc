#include "rest/access.h"

#include <algorithm>
#include <charconv>

namespace pgherd {
namespace {

namespace ip = boost::asio::ip;

template <typename Bytes>
bool share_prefix(const Bytes& one, const Bytes& other, unsigned bits) {
  for (std::size_t at = 0; at < one.size() && bits > 0; ++at) {
    const unsigned here = std::min(bits, 8U);
    const auto mask = static_cast<unsigned char>(0xFFU << (8U - here));
    if (((one[at] ^ other[at]) & mask) != 0) return false;
    bits -= here;
  }
  return true;
}

unsigned bits_of(const ip::address& address) {
  return address.is_v4() ? 32 : 128;
}

}  // namespace

std::optional<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  boost::system::error_code error;
  const auto address = ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return std::nullopt;
  Network network{.address = address, .prefix_length = bits_of(address)};
  if (slash == std::string_view::npos) return network;
  const std::string_view length = text.substr(slash + 1);
  const auto [end, problem] =
      std::from_chars(length.data(), length.data() + length.size(), network.prefix_length);
  const bool is_whole = problem == std::errc() && end == length.data() + length.size();
  if (!is_whole || network.prefix_length > bits_of(address)) return std::nullopt;
  return network;
}

ip::address unmapped(const ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

bool contains(const Network& network, const ip::address& address) {
  if (network.address.is_v4() != address.is_v4()) return false;
  if (address.is_v4()) {
    return share_prefix(network.address.to_v4().to_bytes(), address.to_v4().to_bytes(),
                        network.prefix_length);
  }
  return share_prefix(network.address.to_v6().to_bytes(), address.to_v6().to_bytes(),
                      network.prefix_length);
}

AllowList::AllowList(const std::vector<std::string>& entries) : is_restrictive_(!entries.empty()) {
  for (const std::string& entry : entries) {
    if (const auto network = parse_network(entry)) {
      networks_.push_back(*network);
    } else {
      names_.push_back(entry);
    }
  }
}

void AllowList::add(const ip::address& address) {
  networks_.push_back({.address = unmapped(address), .prefix_length = bits_of(unmapped(address))});
}

bool AllowList::admits(const ip::address& client) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return contains(network, unmapped(client)); });
}

}  // namespace pgherd
