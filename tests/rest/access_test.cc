#include "rest/access.h"

#include <gtest/gtest.h>

#include "rest/basic_auth.h"
#include "rest/query.h"
#include "rest/tls.h"
#include "rest/url.h"

namespace pgherd {
namespace {

bool admits(const std::vector<std::string>& entries, const std::string& client) {
  return AllowList(entries).admits(boost::asio::ip::make_address(client));
}

TEST(AllowList, KnowsAddressesAndNetworks) {
  EXPECT_TRUE(admits({"10.1.2.3"}, "10.1.2.3"));
  EXPECT_FALSE(admits({"10.1.2.3"}, "10.1.2.4"));
  EXPECT_TRUE(admits({"10.1.2.3/8"}, "10.200.0.1")) << "host bits may be set";
  EXPECT_FALSE(admits({"10.1.2.3/8"}, "11.0.0.1"));
  EXPECT_TRUE(admits({"10.1.2.3/30"}, "10.1.2.0"));
  EXPECT_FALSE(admits({"10.1.2.3/30"}, "10.1.2.4"));
  EXPECT_TRUE(admits({"0.0.0.0/0"}, "1.2.3.4"));
  EXPECT_FALSE(admits({"0.0.0.0/0"}, "::1"));
  EXPECT_TRUE(admits({"fd00::/8"}, "fd12::1"));
  EXPECT_FALSE(admits({"fd00::/8"}, "fe00::1"));
}

TEST(AllowList, TakesMappedClientsForIpv4) {
  EXPECT_TRUE(admits({"10.0.0.0/8"}, "::ffff:10.1.1.1"));
}

TEST(AllowList, WithOnlyNonsenseAdmitsNobody) {
  const AllowList list({"10.0.0.0/33", "no such host"});
  EXPECT_TRUE(list.is_restrictive());
  EXPECT_FALSE(list.admits(boost::asio::ip::make_address("127.0.0.1")));
  EXPECT_EQ(list.names().size(), 2U);
  EXPECT_FALSE(AllowList().is_restrictive());
}

TEST(BasicAuth, GrantsOnlyTheRightPassword) {
  const Credentials admin{.username = "admin", .password = "secret", .options = {}};
  EXPECT_EQ(basic_authorization(admin), "Basic YWRtaW46c2VjcmV0");
  EXPECT_EQ(check_authorization(admin, "Basic YWRtaW46c2VjcmV0"), Authorization::Granted);
  EXPECT_EQ(check_authorization(admin, ""), Authorization::Missing);
  for (const char* wrong : {"basic YWRtaW46c2VjcmV0", "Basic YWRtaW46c2VjcmV1", "Basic ",
                            "Bearer x", "Basic YWRtaW46c2VjcmV0YWRtaW46c2VjcmV0"}) {
    EXPECT_EQ(check_authorization(admin, wrong), Authorization::Wrong) << wrong;
  }
}

TEST(BasicAuth, PadsAsBase64Does) {
  EXPECT_EQ(basic_authorization({.username = "a", .password = "", .options = {}}), "Basic YTo=");
  EXPECT_EQ(basic_authorization({.username = "ab", .password = "c", .options = {}}),
            "Basic YWI6Yw==");
  EXPECT_EQ(basic_authorization({.username = "ab", .password = "", .options = {}}), "Basic YWI6");
}

TEST(Url, IsTakenApart) {
  EXPECT_EQ(parse_http_url("http://10.0.0.1:8008/patroni"),
            (HttpUrl{.is_tls = false, .host = "10.0.0.1", .port = "8008", .target = "/patroni"}));
  EXPECT_EQ(parse_http_url("https://[::1]:8008"),
            (HttpUrl{.is_tls = true, .host = "::1", .port = "8008", .target = "/"}));
  EXPECT_EQ(parse_http_url("https://db.example?x=1"),
            (HttpUrl{.is_tls = true, .host = "db.example", .port = "443", .target = "/?x=1"}));
  EXPECT_EQ(parse_http_url("https://[::1]:8008")->authority(), "[::1]:8008");
}

TEST(Url, ThatCouldMisleadIsRefused) {
  for (const char* bad :
       {"", "ftp://a/", "http://", "http://:80/", "http://a:0/", "http://a:99999/", "http://a:8x/",
        "http://[::1/", "http://[::1]x/", "http://a/\r\nX: y", "http://a b/", "a:8008"}) {
    EXPECT_FALSE(parse_http_url(bad)) << bad;
  }
}

TEST(Url, OfAnEndpointReplacesThePath) {
  EXPECT_EQ(endpoint_url("http://h:8008/patroni", "switchover"), "http://h:8008/switchover");
  EXPECT_EQ(endpoint_url("https://[::1]:1/patroni?x", "/config"), "https://[::1]:1/config");
  EXPECT_EQ(endpoint_url("http://h:8008", "restart"), "http://h:8008/restart");
}

TEST(Target, DecodesAndDropsBlanks) {
  const Target target = parse_target("/replica%2Fx?lag=1%20MB&lag=2&empty=&bare&a+b=c%zz");
  EXPECT_EQ(target.path, "/replica/x");
  EXPECT_EQ(first_value(target.query, "lag"), "1 MB");
  EXPECT_FALSE(first_value(target.query, "empty"));
  EXPECT_FALSE(first_value(target.query, "bare"));
  EXPECT_EQ(first_value(target.query, "a b"), "c%zz");
  EXPECT_EQ(first_segment("/patroni/x"), "patroni");
  EXPECT_EQ(first_segment("/"), "");
  EXPECT_EQ(parse_target("*").path, "/*");
}

TEST(Target, TakesTheFormInWhichAProxyIsAsked) {
  const Target target = parse_target("http://10.0.0.5:8008/replica?lag=1MB");
  EXPECT_EQ(target.path, "/replica");
  EXPECT_EQ(first_value(target.query, "lag"), "1MB");
  EXPECT_EQ(parse_target("https://a.test").path, "/");
  EXPECT_EQ(first_value(parse_target("http://a.test?lag=1").query, "lag"), "1");
  EXPECT_EQ(parse_target("/x?to=http://a.test/y").path, "/x");
}

TEST(Tls, NamesTheFileThatCannotBeUsed) {
  RestConfig config;
  config.certfile = "/nonexistent/server.pem";
  try {
    static_cast<void>(make_server_tls(config));
    FAIL() << "expected an exception";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what())
                  .find("restapi.certfile: cannot use "
                        "\"/nonexistent/server.pem\""),
              std::string::npos);
  }
}

}  // namespace
}  // namespace pgherd
