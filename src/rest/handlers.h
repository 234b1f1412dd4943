// The routes of the HTTP API: a request in, a reply out (Patroni, REST API). For this room only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rest/query.h"
#include "rest/service.h"

namespace pgherd {

struct ApiRequest {
  std::string method;
  Target target;
  std::string authorization;  // the header, "" when absent
  bool has_length = false;    // Content-Length or a chunked body
  std::string body;
  boost::asio::ip::address client;
  bool has_client_certificate = false;  // a verified one
};

struct ApiReply {
  int code = 200;
  std::string body;
  std::string_view content_type = "text/html";  // Patroni's for plain text
  std::vector<std::pair<std::string, std::string>> headers;
};

// Replies that need no waiting: health checks above all. nullopt for everything else.
[[nodiscard]] std::optional<ApiReply> reply_at_once(RestService& service,
                                                    const ApiRequest& request);

// All others. Always replies, late at worst; a stopped service replies 503.
[[nodiscard]] boost::asio::awaitable<ApiReply> reply_later(std::shared_ptr<RestService> service,
                                                           std::shared_ptr<RestSetup> setup,
                                                           ApiRequest request);

// The HTML page of the generic HTTP layer.
[[nodiscard]] ApiReply error_page(int code, std::string_view message);

}  // namespace pgherd
