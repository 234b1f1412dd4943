// Switchover and failover over HTTP: judge, write the request into the store, watch what becomes of
// it (Patroni, REST API). For this room only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "rest/requests.h"
#include "rest/service.h"

namespace pgherd {

[[nodiscard]] boost::asio::awaitable<ActAnswer> hand_over(std::shared_ptr<RestService> service,
                                                          Handover action, std::string body);
[[nodiscard]] boost::asio::awaitable<ActAnswer> delete_switchover(
    std::shared_ptr<RestService> service);

}  // namespace pgherd
