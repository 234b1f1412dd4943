// Sockets as the router wants them: listening ones that several loops share, and what is set on
// those of clients and servers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "base/instant.h"
#include "model/agent_config.h"

namespace pgherd::router {

// With the loop's own kind of executor: nothing on the way of the bytes is looked up at run time.
using Loop = boost::asio::io_context;
using Tcp = boost::asio::ip::tcp;
using Socket = boost::asio::basic_stream_socket<Tcp, Loop::executor_type>;
using Acceptor = boost::asio::basic_socket_acceptor<Tcp, Loop::executor_type>;

// Listens when it returns; several sockets may listen on the same address (SO_REUSEPORT), among
// which the kernel divides the connections. `option`: the key that names the address, for the
// message. Throws std::runtime_error that says who cannot listen where, why, and what to do.
[[nodiscard]] Acceptor listen_on(Loop& loop, const ListenAddress& address,
                                 const std::string& option);

// No delay for small messages; a peer that is gone without a word is found within half a minute, if
// nothing was sent to it.
void set_up(Socket& socket);

// Something was sent to a peer that has acknowledged nothing for about so long. A peer that does
// not read does acknowledge, however long it takes (TCP_USER_TIMEOUT would end it as well).
[[nodiscard]] bool has_been_silent(Socket& socket, Milliseconds time);

// The peer has closed it, whatever it has said before.
[[nodiscard]] bool is_closed(Socket& socket);

// The other side learns at once that nothing will be read any more (RST), whatever is under way.
void close_hard(Socket& socket);

}  // namespace pgherd::router
