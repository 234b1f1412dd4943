// One client's connection: requests are read, answered and written one after the other until either
// side has had enough. For this room only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "rest/server.h"
#include "rest/service.h"

namespace pgherd {

// Ends by itself. Whatever the client does ends this connection at worst, never throws out.
[[nodiscard]] boost::asio::awaitable<void> serve_connection(std::shared_ptr<RestService> service,
                                                            std::shared_ptr<RestSetup> setup,
                                                            RestLimits limits,
                                                            boost::asio::ip::tcp::socket socket);

}  // namespace pgherd
