// ctl_main as it is called by a person, against a real etcd and one member that answers over HTTP.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <thread>

#include "contract/etcd_process.h"
#include "ctl/ctl.h"

namespace pgherd::ctl::test {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

// Answers one request and notes it.
class OneAnswer {
 public:
  OneAnswer(int status, std::string body) : acceptor_(loop_, {loopback(), 0}) {
    port_ = acceptor_.local_endpoint().port();
    thread_ = std::thread([this, status, text = std::move(body)] { answer(status, text); });
  }
  ~OneAnswer() { thread_.join(); }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  [[nodiscard]] int port() const { return port_; }
  // After the command has ended.
  [[nodiscard]] const http::request<http::string_body>& request() const { return request_; }

 private:
  static boost::asio::ip::address loopback() { return boost::asio::ip::make_address("127.0.0.1"); }
  void answer(int status, const std::string& text) {
    tcp::socket socket = acceptor_.accept();
    boost::beast::flat_buffer buffer;
    http::read(socket, buffer, request_);
    http::response<http::string_body> response(static_cast<http::status>(status), 11, text);
    response.prepare_payload();
    http::write(socket, response);
  }
  boost::asio::io_context loop_;
  tcp::acceptor acceptor_;
  int port_ = 0;
  http::request<http::string_body> request_;
  std::thread thread_;
};

struct Ran {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Ran ctl(std::vector<std::string> words, const std::string& typed = "") {
  words.insert(words.begin(), "ctl");
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  std::istringstream in(typed);
  std::ostringstream out;
  std::ostringstream err;
  std::streambuf* const before[] = {std::cin.rdbuf(in.rdbuf()), std::cout.rdbuf(out.rdbuf()),
                                    std::cerr.rdbuf(err.rdbuf())};
  const int exit_code = ctl_main(static_cast<int>(argv.size()), argv.data());
  std::cin.rdbuf(before[0]);
  std::cout.rdbuf(before[1]);
  std::cerr.rdbuf(before[2]);
  return {exit_code, out.str(), err.str()};
}

class WholeTool : public testing::Test {
 protected:
  void SetUp() override {
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    setenv("PATRONI_ETCD3_HOSTS", etcd.endpoints().front().c_str(), 1);
    setenv("PATRONI_RESTAPI_USERNAME", "admin", 1);
    setenv("PATRONI_RESTAPI_PASSWORD", "secret", 1);
    setenv("PATRONI_SCOPE", "orders", 1);
    put("initialize", "7412345678901234567");
    put("config", R"({"ttl":30})");
  }
  void TearDown() override {
    for (const char* name : {"XDG_CONFIG_HOME", "PATRONI_ETCD3_HOSTS", "PATRONI_RESTAPI_USERNAME",
                             "PATRONI_RESTAPI_PASSWORD", "PATRONI_SCOPE"}) {
      unsetenv(name);
    }
  }
  void put(const std::string& key, const std::string& value) {
    (void)etcd.ctl({"put", "/service/orders/" + key, value});
  }
  contract::EtcdCluster etcd{1};
};

TEST_F(WholeTool, ReadsAndWritesTheStore) {
  put("members/db-a", R"({"conn_url":"postgres://10.1.0.11:5432/postgres","state":"running",)"
                      R"("role":"primary","timeline":1})");
  put("leader", "db-a");
  const Ran list = ctl({"list", "-f", "tsv"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_NE(list.out.find("orders\tdb-a\t10.1.0.11\tLeader\trunning\t1\t"), std::string::npos)
      << list.out;
  const Ran edit = ctl({"edit-config", "-s", "ttl=25", "--force"});
  EXPECT_EQ(edit.exit_code, 0) << edit.err;
  EXPECT_EQ(etcd.ctl({"get", "--print-value-only", "/service/orders/config"}), "{\"ttl\":25}\n");
  const Ran other =
      ctl({"-d", "etcd3://" + etcd.endpoints().front() + "/elsewhere", "show-config"});
  EXPECT_EQ(other.exit_code, 0) << other.err;
  EXPECT_EQ(other.out, "");
}

TEST_F(WholeTool, AsksAMemberWithTheConfiguredCredentials) {
  OneAnswer member(200, R"({"pause":true})");
  put("members/db-a", fmt::format(R"({{"api_url":"http://127.0.0.1:{}/patroni"}})", member.port()));
  put("leader", "db-a");
  const Ran ran = ctl({"pause", "orders"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Success: cluster management is paused\n");
  EXPECT_EQ(member.request().method_string(), "PATCH");
  EXPECT_EQ(member.request().target(), "/config");
  EXPECT_EQ(member.request().body(), R"({"pause":true})");
  EXPECT_EQ(member.request()[http::field::authorization], "Basic YWRtaW46c2VjcmV0");
}

TEST_F(WholeTool, SaysInOneLineThatTheStoreIsNotThere) {
  etcd.member(0).kill();
  const Ran ran = ctl({"list"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(ran.err.starts_with("Error: cannot read /service/orders/ from the store: "))
      << ran.err;
  EXPECT_EQ(ran.err.find('\n'), ran.err.size() - 1) << ran.err;
}

TEST(ToolWithoutStore, NamesWhatIsMissing) {
  setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
  EXPECT_TRUE(
      ctl({"list", "x"})
          .err.starts_with(
              "Error: Can not find suitable configuration of distributed configuration store\n"));
  EXPECT_EQ(ctl({"-c", "/nowhere.yml", "list", "x"}).err,
            "Error: Provided config file /nowhere.yml not existing or no read rights. Check the "
            "-c/--config-file parameter\n");
  const Ran version = ctl({"version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(version.out.starts_with("pgherd ctl version ")) << version.out;
  EXPECT_EQ(ctl({}).exit_code, 2);
  unsetenv("XDG_CONFIG_HOME");
}

}  // namespace
}  // namespace pgherd::ctl::test
