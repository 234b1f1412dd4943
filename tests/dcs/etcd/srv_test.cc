// Members that are named by SRV records: which records count, what a name server can answer, and a
// client that has nothing but a domain.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dcs/etcd/endpoints.h"
#include "dcs/etcd/etcd_dcs.h"
#include "dcs/etcd/fake_etcd.h"
#include "dcs/etcd/srv_records.h"
#include "runtime/asio_clock.h"

namespace pgherd::etcd {
namespace {

using Records = std::vector<SrvRecord>;

class Zone {
 public:
  void set(const std::string& name, Records records) {
    const std::lock_guard lock(mutex_);
    records_[name] = std::move(records);
  }
  AskForSrv ask() {
    return [this](const std::string& name) -> SrvAnswer {
      const std::lock_guard lock(mutex_);
      asked_.push_back(name);
      const auto found = records_.find(name);
      return found == records_.end() ? Records() : found->second;
    };
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Records> records_;
  std::vector<std::string> asked_;
};

// ---- Which records count ------------------------------------------------------------------------

TEST(SrvRecords, ThoseForClientsByTlsComeFirst) {
  Zone zone;
  zone.set("_etcd-client-ssl._tcp.example.com", {{.host = "a.example.com", .port = 2379}});
  zone.set("_etcd-client._tcp.example.com", {{.host = "b.example.com", .port = 2379}});
  const auto found = members_by_srv("example.com", "", zone.ask());
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->endpoints, std::vector<std::string>{"a.example.com:2379"});
  EXPECT_TRUE(found->use_tls);
}

TEST(SrvRecords, EachNameIsLookedAtInPatronisOrder) {
  Zone zone;
  zone.set("_etcd-prod._tcp.example.com", {{.host = "a.example.com", .port = 4001}});
  const auto found = members_by_srv("example.com", "prod", zone.ask());
  ASSERT_TRUE(found) << found.error();
  EXPECT_FALSE(found->use_tls);
  EXPECT_EQ(zone.asked(),
            (std::vector<std::string>{
                "_etcd-client-ssl-prod._tcp.example.com", "_etcd-client-prod._tcp.example.com",
                "_etcd-ssl-prod._tcp.example.com", "_etcd-prod._tcp.example.com"}));
}

TEST(SrvRecords, TheLowestPriorityAndTheHeaviestComeFirst) {
  Zone zone;
  zone.set("_etcd-client._tcp.example.com",
           {{.host = "c", .port = 1, .priority = 20, .weight = 9},
            {.host = "b", .port = 1, .priority = 10, .weight = 1},
            {.host = "a", .port = 1, .priority = 10, .weight = 5},
            {.host = "a", .port = 1, .priority = 30, .weight = 5}});
  const auto found = members_by_srv("example.com", "", zone.ask());
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->endpoints, (std::vector<std::string>{"a:1", "b:1", "c:1"}));
}

TEST(SrvRecords, PortsOfMembersAreNoneForClients) {
  Zone zone;
  zone.set("_etcd-server._tcp.example.com", {{.host = "a", .port = 2380}});
  const auto found = members_by_srv("example.com", "", zone.ask());
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().find("_etcd-client-ssl._tcp.example.com"), std::string::npos)
      << found.error();
  EXPECT_NE(found.error().find("_etcd-server._tcp.example.com"), std::string::npos)
      << found.error();
}

// ---- What a name server answers -----------------------------------------------------------------

void put16(std::string& message, unsigned value) {
  message += static_cast<char>(value >> 8U);
  message += static_cast<char>(value & 0xffU);
}
std::string name_in_message(const std::string& name) {
  std::string written;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    written += static_cast<char>(dot - at);
    written += name.substr(at, dot - at);
    at = dot + 1;
  }
  return written + '\0';
}

// Answers each question with the same records, or with an error, or with nonsense.
class FakeNameServer {
 public:
  enum class Says { Records, NoSuchName, Failure, Nonsense };
  FakeNameServer(Says says, Records records = {}) : says_(says), records_(std::move(records)) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeNameServer() {
    is_over_ = true;
    ::shutdown(socket_, SHUT_RDWR);  // recvfrom returns
    thread_.join();
    ::close(socket_);
  }
  FakeNameServer(const FakeNameServer&) = delete;
  FakeNameServer& operator=(const FakeNameServer&) = delete;

  [[nodiscard]] NameServer where() const { return {.port = port_}; }

 private:
  [[nodiscard]] std::string answer_to(const std::string& question) const {
    if (says_ == Says::Nonsense) return question.substr(0, 2) + "\x84\x00 nonsense";
    constexpr unsigned kHeader = 12;
    constexpr unsigned kIsAnswer = 0x8580;
    const unsigned code = says_ == Says::NoSuchName ? 3 : says_ == Says::Failure ? 2 : 0;
    std::string answer = question.substr(0, 2);
    put16(answer, kIsAnswer | code);
    put16(answer, 1);
    put16(answer, static_cast<unsigned>(records_.size()));
    put16(answer, 0);
    put16(answer, 0);
    const std::size_t end_of_name = question.find('\0', kHeader) + 1;
    answer += question.substr(kHeader, end_of_name + 4 - kHeader);
    for (const SrvRecord& record : records_)
      answer += written(record);
    return answer;
  }
  static std::string written(const SrvRecord& record) {
    constexpr unsigned kNameOfQuestion = 0xc00c;
    constexpr unsigned kSrv = 33;
    std::string data;
    put16(data, record.priority);
    put16(data, record.weight);
    put16(data, record.port);
    data += name_in_message(record.host);
    std::string line;
    put16(line, kNameOfQuestion);
    put16(line, kSrv);
    put16(line, 1);
    put16(line, 0);
    put16(line, 60);  // seconds that it counts
    put16(line, static_cast<unsigned>(data.size()));
    return line + data;
  }
  void serve() {
    while (!is_over_) {
      std::array<char, 4096> buffer{};
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 12) continue;
      const std::string answer = answer_to({buffer.data(), static_cast<std::size_t>(got)});
      (void)::sendto(socket_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                     size);
    }
  }

  Says says_;
  Records records_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

TEST(NameServers, TellTheRecords) {
  const FakeNameServer server(
      FakeNameServer::Says::Records,
      {{.host = "a.example.com", .port = 2379, .priority = 10, .weight = 5},
       {.host = "b.example.com", .port = 32379, .priority = 20, .weight = 0}});
  const auto records = ask_name_servers("_etcd-client._tcp.example.com", server.where());
  ASSERT_TRUE(records) << records.error();
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ(records->front().host, "a.example.com");
  EXPECT_EQ(records->front().port, 2379);
  EXPECT_EQ(records->front().priority, 10);
  EXPECT_EQ(records->front().weight, 5);
  EXPECT_EQ(records->back().host, "b.example.com");
  EXPECT_EQ(records->back().port, 32379);
}

TEST(NameServers, KnowOfNone) {
  const FakeNameServer server(FakeNameServer::Says::NoSuchName);
  const auto records = ask_name_servers("_etcd-client._tcp.example.com", server.where());
  ASSERT_TRUE(records) << records.error();
  EXPECT_TRUE(records->empty());
}

TEST(NameServers, ARecordWithoutATargetNamesNobody) {
  const FakeNameServer server(FakeNameServer::Says::Records, {{.host = "", .port = 2379}});
  const auto records = ask_name_servers("_etcd-client._tcp.example.com", server.where());
  ASSERT_TRUE(records) << records.error();
  EXPECT_TRUE(records->empty());
}

TEST(NameServers, ThatFailOrTalkNonsenseAreNotBelieved) {
  for (const auto says : {FakeNameServer::Says::Failure, FakeNameServer::Says::Nonsense}) {
    const FakeNameServer server(says);
    const auto records = ask_name_servers("_etcd-client._tcp.example.com", server.where());
    ASSERT_FALSE(records);
    EXPECT_FALSE(records.error().empty());
  }
}

// ---- A client that has a domain -----------------------------------------------------------------

class ClientByDomain : public testing::Test {
 protected:
  static constexpr const char* kName = "_etcd-client._tcp.example.com";

  static void answer(FakeEtcd& member, std::uint64_t term) {
    member.on_range = [term](const etcdserverpb::RangeRequest&, etcdserverpb::RangeResponse& said) {
      FakeEtcd::fill(*said.mutable_header(), term, 10);
      return grpc::Status::OK;
    };
  }
  static Records at(const FakeEtcd& member) {
    const std::string endpoint = member.endpoint();
    const auto colon = endpoint.rfind(':');
    return {{.host = endpoint.substr(0, colon),
             .port = static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1)))}};
  }
  std::unique_ptr<EtcdDcs> client(std::vector<std::string> endpoints = {}) {
    EtcdConfig config;
    config.endpoints = std::move(endpoints);
    config.srv = "example.com";
    config.use_proxies = true;  // the fakes have no member list
    EtcdHints hints;
    hints.ask_for_srv = zone.ask();
    hints.tell = [this](const std::string& line) { told += line + "\n"; };
    return std::make_unique<EtcdDcs>(config, loop.get_executor(), clock, hints);
  }
  Result<Snapshot, DcsError> read(EtcdDcs& dcs, Duration limit = 20s) {
    std::optional<Result<Snapshot, DcsError>> got;
    dcs.read("/", ReadMode::Linearizable, clock.now() + limit,
             [&](Result<Snapshot, DcsError> answer) { got.emplace(std::move(answer)); });
    const auto hang = clock.now() + 60s;
    while (!got && clock.now() < hang) {
      loop.restart();
      loop.run_one_for(std::chrono::seconds(1));
    }
    if (!got) return fail(DcsError{DcsErrorKind::Unavailable, "THE REQUEST WAS NEVER ANSWERED"});
    return std::move(*got);
  }

  Zone zone;
  std::string told;
  boost::asio::io_context loop;
  AsioClock clock{loop.get_executor()};
};

TEST_F(ClientByDomain, AsksTheMembersThatTheRecordsName) {
  FakeEtcd member;
  answer(member, 5);
  zone.set(kName, at(member));
  const auto dcs = client();
  const auto snapshot = read(*dcs);
  EXPECT_TRUE(snapshot) << snapshot.error().text;
  EXPECT_NE(told.find("SRV records of example.com name etcd " + member.endpoint()),
            std::string::npos)
      << told;
}

TEST_F(ClientByDomain, SaysWhyNobodyCanBeAskedAndGoesOnLooking) {
  FakeEtcd member;
  answer(member, 5);
  const auto dcs = client();
  const auto without = read(*dcs, 500ms);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().text.find("there are no SRV records _etcd-client-ssl._tcp.example.com"),
            std::string::npos)
      << without.error().text;
  zone.set(kName, at(member));
  const auto with = read(*dcs);
  EXPECT_TRUE(with) << with.error().text;
}

TEST_F(ClientByDomain, UsesTheListedHostsUntilThereAreRecords) {
  FakeEtcd listed;
  answer(listed, 5);
  const auto dcs = client({listed.endpoint()});
  const auto snapshot = read(*dcs, 5s);
  EXPECT_TRUE(snapshot) << snapshot.error().text;
}

TEST_F(ClientByDomain, FollowsMembersThatHaveAllMoved) {
  auto before = std::make_unique<FakeEtcd>();
  answer(*before, 5);
  zone.set(kName, at(*before));
  const auto dcs = client();
  const auto there = read(*dcs);
  ASSERT_TRUE(there) << there.error().text;

  FakeEtcd after;
  answer(after, 5);
  zone.set(kName, at(after));
  before.reset();
  // Nobody answers at first; that is what makes it look again, after a pause.
  auto here = read(*dcs);
  for (int tries = 0; !here && tries < 3; ++tries)
    here = read(*dcs);
  EXPECT_TRUE(here) << here.error().text;
}

// ---- The endpoints of a session -----------------------------------------------------------------

TEST(EndpointsThatAreConfiguredAnew, KeepTheConnectionsOfThoseThatStay) {
  EtcdConfig config;
  config.endpoints = {"192.0.2.1:1", "192.0.2.2:1"};
  Endpoints endpoints(config);
  const auto stays = endpoints.all().back();
  endpoints.prefer(endpoints.all().front());
  endpoints.configure({"192.0.2.3:1", "192.0.2.2:1"}, false);
  ASSERT_EQ(endpoints.all().size(), 2U);
  EXPECT_EQ(endpoints.all().front()->name, "192.0.2.3:1");
  EXPECT_EQ(endpoints.all().back(), stays);
  endpoints.configure({"192.0.2.2:1"}, true);
  ASSERT_EQ(endpoints.all().size(), 1U);
  EXPECT_NE(endpoints.all().front(), stays);  // by TLS it is another connection
}

}  // namespace
}  // namespace pgherd::etcd
