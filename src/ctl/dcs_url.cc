#include "ctl/dcs_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

constexpr std::string_view kPort = "2379";
constexpr std::array<std::string_view, 4> kForeign = {"consul", "exhibitor", "zookeeper",
                                                      "kubernetes"};

void check_scheme(std::string_view scheme) {
  if (scheme.empty() || scheme == "etcd" || scheme == "etcd3") return;
  if (std::find(kForeign.begin(), kForeign.end(), scheme) != kForeign.end()) {
    throw CtlError(fmt::format("dcs scheme {} is not supported by pgherd; use etcd3", scheme));
  }
  throw CtlError(fmt::format("Unknown dcs scheme: {}", scheme));
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "host", "host:port", "[::1]:port", "" -> "host:port".
std::string endpoint_of(std::string_view address, std::string_view url) {
  const std::size_t bracket = address.rfind(']');
  const std::size_t colon = address.find(':', bracket == address.npos ? 0 : bracket);
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = colon == address.npos ? kPort : address.substr(colon + 1);
  if (!is_port(port)) {
    throw CtlError(
        fmt::format("no usable port in the dcs url {}; write etcd3://HOST:PORT/NAMESPACE", url));
  }
  return fmt::format("{}:{}", host.empty() ? "localhost" : host, port);
}

}  // namespace

void apply_dcs_url(std::string_view url, AgentConfig& config) {
  const std::size_t mark = url.find("://");
  check_scheme(mark == url.npos ? std::string_view() : url.substr(0, mark));
  std::string_view rest = mark == url.npos ? url : url.substr(mark + 3);
  const std::size_t slash = rest.find('/');
  std::string_view address = rest.substr(0, slash);
  if (const std::size_t user = address.rfind('@'); user != address.npos) {
    address = address.substr(user + 1);
  }
  config.etcd.endpoints = {endpoint_of(address, url)};
  config.etcd.srv.clear();
  if (slash == rest.npos) return;
  std::string_view path = rest.substr(slash);
  path = path.substr(0, path.find_first_of("?#"));
  while (path.starts_with('/'))
    path.remove_prefix(1);
  while (path.ends_with('/'))
    path.remove_suffix(1);
  if (!path.empty()) config.name_space = path;
}

}  // namespace pgherd::ctl
