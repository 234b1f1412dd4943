#include "postgres/local/session.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "postgres/local_machine.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

std::optional<QueryError> connect_to(std::uint16_t port, Duration timeout, asio::io_context& loop,
                                     std::function<void(PgSession&)> meanwhile = {}) {
  PgSession session(loop.get_executor());
  std::optional<QueryError> problem;
  const ConnInfo info{{"host", "127.0.0.1"},  {"port", std::to_string(port)},
                      {"user", "u"},          {"dbname", "d"},
                      {"sslmode", "disable"}, {"gssencmode", "disable"}};
  asio::co_spawn(loop, session.connect(info, timeout),
                 [&](const std::exception_ptr&, const Result<void, QueryError>& done) {
                   if (!done) problem = done.error();
                   loop.stop();
                 });
  if (meanwhile) meanwhile(session);
  loop.run();
  return problem;
}

TEST(PgSession, ThatFindsNobodyIsLost) {
  asio::io_context loop;
  const auto problem = connect_to(test::free_port(), 3s, loop);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->kind, QueryErrorKind::Lost);
}

// A server that takes the connection and never says a word.
TEST(PgSession, ThatIsLeftWithoutAnAnswerIsLate) {
  asio::io_context loop;
  asio::ip::tcp::acceptor mute(loop, {asio::ip::address_v4::loopback(), 0});
  const auto problem = connect_to(mute.local_endpoint().port(), 50ms, loop);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->kind, QueryErrorKind::Late);
}

TEST(PgSession, ThatIsInterruptedEndsAtOnce) {
  asio::io_context loop;
  asio::ip::tcp::acceptor mute(loop, {asio::ip::address_v4::loopback(), 0});
  const auto problem =
      connect_to(mute.local_endpoint().port(), 10min, loop, [&](PgSession& session) {
        asio::post(loop, [&] { asio::post(loop, [&] { session.interrupt(); }); });
      });
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->kind, QueryErrorKind::Lost);
}

// What a server says that is starting, in its own language.
TEST(PgSession, KnowsAStartingServerByItsSqlstateWhateverTheLanguage) {
  asio::io_context loop;
  asio::ip::tcp::acceptor server(loop, {asio::ip::address_v4::loopback(), 0});
  const std::string fields = std::string("SFATAL\0VFATAL\0C57P03\0", 21) +
                             std::string("Mdas Datenbanksystem startet\0\0", 30);
  const auto length = htonl(static_cast<std::uint32_t>(fields.size() + 4));
  const std::string error = "E" + std::string(reinterpret_cast<const char*>(&length), 4) + fields;
  std::optional<asio::ip::tcp::socket> peer;
  std::array<char, 512> received{};
  server.async_accept([&](boost::system::error_code, asio::ip::tcp::socket socket) {
    peer.emplace(std::move(socket));
    peer->async_read_some(asio::buffer(received), [&](boost::system::error_code, std::size_t) {
      asio::write(*peer, asio::buffer(error));
      peer->close();
    });
  });
  const auto problem = connect_to(server.local_endpoint().port(), 10s, loop);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->sqlstate, "57P03");
  EXPECT_EQ(problem->kind, QueryErrorKind::NotNow);
}

}  // namespace
}  // namespace pgherd
