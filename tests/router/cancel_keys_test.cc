#include "router/cancel_keys.h"

#include <gtest/gtest.h>

namespace pgherd::router {
namespace {

CancelKeys::Endpoint server(std::uint16_t port) {
  return {boost::asio::ip::make_address("127.0.0.1"), port};
}

TEST(CancelKeys, LeadToTheServerThatGaveThem) {
  CancelKeys keys;
  keys.enter({.pid = 1, .key = "aaaa"}, server(1));
  keys.enter({.pid = 1, .key = "bbbb"}, server(2));  // another node has given the same pid
  EXPECT_EQ(keys.target_of({.pid = 1, .key = "aaaa"})->server, server(1));
  EXPECT_EQ(keys.target_of({.pid = 1, .key = "bbbb"})->server, server(2));
}

TEST(CancelKeys, OfASessionThatWasMovedBecomeTheNewServers) {
  CancelKeys keys;
  keys.enter({.pid = 1, .key = "aaaa"}, server(2), {.pid = 7, .key = "bbbb"});
  EXPECT_EQ(keys.target_of({.pid = 1, .key = "aaaa"}),
            (CancelKeys::Target{.server = server(2), .request = {.pid = 7, .key = "bbbb"}}));
  EXPECT_FALSE(keys.target_of({.pid = 7, .key = "bbbb"})) << "no client has got it";
}

TEST(CancelKeys, LeadNowhereUnlessPidAndKeyAreRight) {
  CancelKeys keys;
  keys.enter({.pid = 1, .key = "aaaa"}, server(1));
  EXPECT_FALSE(keys.target_of({.pid = 2, .key = "aaaa"}));
  EXPECT_FALSE(keys.target_of({.pid = 1, .key = "aaab"}));
  EXPECT_FALSE(keys.target_of({.pid = 1, .key = "aaa"}));
  EXPECT_FALSE(keys.target_of({.pid = 1, .key = "aaaaa"}));
}

TEST(CancelKeys, AreForgottenWithTheirSession) {
  CancelKeys keys;
  keys.enter({.pid = 1, .key = "aaaa"}, server(1));
  keys.enter({.pid = 1, .key = "bbbb"}, server(1));
  keys.remove({.pid = 1, .key = "aaaa"}, server(2));
  EXPECT_EQ(keys.size(), 2U) << "of another server";
  keys.remove({.pid = 1, .key = "aaaa"}, server(1));
  EXPECT_FALSE(keys.target_of({.pid = 1, .key = "aaaa"}));
  EXPECT_EQ(keys.size(), 1U);
}

}  // namespace
}  // namespace pgherd::router
