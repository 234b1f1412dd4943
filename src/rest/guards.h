// Whether a request that changes something is admitted (Patroni api.py check_access): by address,
// by client certificate, by password, in this order. For this room only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "rest/handlers.h"
#include "rest/service.h"

namespace pgherd {

// nullopt: admitted.
[[nodiscard]] boost::asio::awaitable<std::optional<ApiReply>> denial(
    std::shared_ptr<RestService> service, std::shared_ptr<RestSetup> setup,
    const ApiRequest& request);

// All addresses of a host name; empty when there are none or the name server is silent.
[[nodiscard]] boost::asio::awaitable<std::vector<boost::asio::ip::address>> addresses_of(
    std::string host);

}  // namespace pgherd
