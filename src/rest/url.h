// http:// and https:// URLs as members publish them. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgherd {

struct HttpUrl {
  bool is_tls = false;
  std::string host;    // without brackets
  std::string port;    // 80 or 443 when absent
  std::string target;  // "/patroni?x=y", "/" when absent
  friend bool operator==(const HttpUrl&, const HttpUrl&) = default;

  // For the Host header: brackets around IPv6, the port always.
  [[nodiscard]] std::string authority() const;
};
// nullopt for other schemes, an empty host, a port that is none, or characters that no URL may
// have.
[[nodiscard]] std::optional<HttpUrl> parse_http_url(std::string_view text);

// Where a member's other endpoints are: its api_url with another path.
// endpoint_url("http://h:8008/patroni", "switchover") = "http://h:8008/switchover"
[[nodiscard]] std::string endpoint_url(std::string_view api_url, std::string_view endpoint);

}  // namespace pgherd
