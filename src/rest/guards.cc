#include "rest/guards.h"

#include <algorithm>

#include "rest/basic_auth.h"
#include "rest/url.h"
#include "runtime/name_lookup.h"

namespace pgherd {
namespace {

namespace ip = boost::asio::ip;
using boost::asio::awaitable;
using Addresses = HostAddresses;

constexpr Duration kResolveLimit = 2s;

awaitable<bool> is_member(NodeStatus status, ip::address client) {
  if (!status.cluster) co_return false;
  for (const auto& [name, member] : status.cluster->members) {
    const auto url = parse_http_url(member.api_url);
    if (!url) continue;
    const Addresses addresses = co_await addresses_of(url->host);
    if (std::find(addresses.begin(), addresses.end(), client) != addresses.end()) co_return true;
  }
  co_return false;
}

awaitable<bool> is_address_admitted(std::shared_ptr<RestService> service,
                                    std::shared_ptr<RestSetup> setup, ip::address client) {
  const bool includes_members = setup->config.allowlist_include_members;
  if (!setup->allow_list.is_restrictive() && !includes_members) co_return true;
  if (setup->allow_list.admits(client)) co_return true;
  if (!includes_members) co_return false;
  NodeStatus status = service->node.status();
  co_return co_await is_member(std::move(status), unmapped(client));
}

ApiReply unauthorized(std::string text) {
  return {.code = 401,
          .body = std::move(text),
          .headers = {{"WWW-Authenticate", "Basic realm=\"Patroni\""}}};
}

}  // namespace

// What a name meant before admits nobody: the address may be another's by now.
awaitable<Addresses> addresses_of(std::string host) {
  const auto found = co_await look_up(std::move(host), kResolveLimit, OldAddresses::Refused);
  Addresses addresses;
  if (!found) co_return addresses;
  for (const ip::address& one : found->addresses)
    addresses.push_back(unmapped(one));
  co_return addresses;
}

awaitable<std::optional<ApiReply>> denial(std::shared_ptr<RestService> service,
                                          std::shared_ptr<RestSetup> setup,
                                          const ApiRequest& request) {
  const bool is_admitted = co_await is_address_admitted(service, setup, request.client);
  if (!is_admitted) co_return ApiReply{.code = 403, .body = "Access is denied"};

  const std::string& verify = setup->config.verify_client;
  const bool needs_certificate = setup->tls && (verify == "optional" || verify == "required");
  if (needs_certificate && !request.has_client_certificate) {
    co_return ApiReply{.code = 403, .body = "client certificate required"};
  }
  if (!setup->config.authentication) co_return std::nullopt;
  switch (check_authorization(*setup->config.authentication, request.authorization)) {
    case Authorization::Granted:
      break;
    case Authorization::Missing:
      co_return unauthorized("no auth header received");
    case Authorization::Wrong:
      co_return unauthorized("not authenticated");
  }
  co_return std::nullopt;
}

}  // namespace pgherd
