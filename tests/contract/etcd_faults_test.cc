// What only a real etcd can suffer: its processes are killed, frozen, and come back.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "contract/dcs_fixture.h"
#include "contract/etcd_world.h"
#include "runtime/await_answer.h"

namespace pgherd::contract {
namespace {

namespace asio = boost::asio;

class OneEtcd : public testing::Test {
 protected:
  EtcdWorld world{1};
  DcsFixture ask{world};
};

TEST_F(OneEtcd, ThatIsDeadGivesUnavailableNotRefused) {
  world.cluster().member(0).kill();
  const auto outcome = ask.commit(
      {.compares = {absent("/c/leader")}, .writes = {put("/c/leader", "pg1")}, .otherwise = {}},
      1s);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Unavailable);
  EXPECT_NE(outcome.error().text.find(world.cluster().member(0).endpoint()), std::string::npos)
      << outcome.error().text;
}

TEST_F(OneEtcd, ThatComesBackIsFoundAgainWithinOneRequest) {
  ask.write({put("/c/a", "1")});
  world.cluster().member(0).kill();
  world.cluster().member(0).start();
  EXPECT_EQ(ask.get("/c/a")->value, "1");
}

TEST_F(OneEtcd, ThatComesBackSoonDoesNotEndAWatch) {
  const auto written = ask.write({put("/c/a", "1")});
  const auto watching = ask.watch("/c/", written.revision, 5s);
  ASSERT_TRUE(ask.until([&] { return !watching.seen->events.empty(); }));
  world.cluster().member(0).kill();
  world.cluster().member(0).start();
  ask.write({put("/c/a", "2")});
  ASSERT_TRUE(ask.until([&] { return watching.seen->events.size() >= 2 || watching.seen->end; }));
  ASSERT_FALSE(watching.seen->end) << watching.seen->end->text;
  EXPECT_EQ(watching.seen->events.size(), 2U) << "told twice";
  EXPECT_EQ(watching.seen->events[1].entry.value, "2");
}

TEST_F(OneEtcd, ThatIsFrozenEndsAWatchAsUnavailable) {
  const auto watching = ask.watch("/c/", Revision{}, 300ms);
  ASSERT_TRUE(ask.until([&] { return watching.seen->signs_of_life > 0; }));
  world.cluster().member(0).freeze();
  ASSERT_TRUE(ask.until([&] { return watching.seen->end.has_value(); }));
  EXPECT_EQ(watching.seen->end->kind, DcsErrorKind::Unavailable);
  world.cluster().member(0).thaw();
}

TEST_F(OneEtcd, ThatIsFrozenLeavesAWriteUnknownAndMayApplyItLater) {
  world.cluster().member(0).freeze();
  const auto outcome = ask.commit(
      {.compares = {absent("/c/leader")}, .writes = {put("/c/leader", "pg1")}, .otherwise = {}},
      1s);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Unavailable) << outcome.error().text;
  world.cluster().member(0).thaw();
  const auto after = ask.get("/c/leader");
  EXPECT_TRUE(!after || after->value == "pg1");
}

TEST_F(OneEtcd, ThatIsFrozenAnswersNoKeepAlive) {
  const auto lease = ask.lease_of(60s);
  world.cluster().member(0).freeze();
  const auto kept = ask.keep_alive(lease, 1s);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().kind, DcsErrorKind::Unavailable) << kept.error().text;
  world.cluster().member(0).thaw();
  EXPECT_EQ(ask.good(ask.keep_alive(lease)).id, lease);
}

TEST_F(OneEtcd, ThatWasNeverThereIsUnavailableInTime) {
  world.cluster().member(0).kill();
  world.use(world.client_of(world.config_of_all()));
  const auto outcome = ask.read("/c/", ReadMode::Serializable, 500ms);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Unavailable);
}

// What `etcd gateway` is: each connection goes to the next member, and stays there.
class Gateway {
 public:
  explicit Gateway(std::vector<std::string> members) : members_(std::move(members)) {
    asio::co_spawn(io_, accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Gateway() {
    io_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string address() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

 private:
  using Socket = asio::ip::tcp::socket;

  asio::awaitable<void> accept() {
    for (std::size_t next = 0;; ++next) {
      auto near = std::make_shared<Socket>(co_await acceptor_.async_accept(asio::use_awaitable));
      const std::string& member = members_[next % members_.size()];
      const auto port = static_cast<std::uint16_t>(std::stoi(member.substr(member.rfind(':') + 1)));
      auto far = std::make_shared<Socket>(io_);
      co_await far->async_connect({asio::ip::make_address("127.0.0.1"), port}, asio::use_awaitable);
      asio::co_spawn(io_, carry(near, far), asio::detached);
      asio::co_spawn(io_, carry(far, near), asio::detached);
    }
  }
  static asio::awaitable<void> carry(std::shared_ptr<Socket> from, std::shared_ptr<Socket> to) {
    std::array<char, 16384> data{};
    for (;;) {
      const auto [error, size] = co_await from->async_read_some(asio::buffer(data), kAsTuple);
      if (error) break;
      const auto [failed, written] =
          co_await asio::async_write(*to, asio::buffer(data, size), kAsTuple);
      if (failed) break;
    }
    boost::system::error_code ignored;
    to->close(ignored);
  }

  std::vector<std::string> members_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::make_address("127.0.0.1"), 0}};
  std::thread thread_;
};

TEST(EtcdBehindAGateway, IsReachedByAnotherConnectionWhenTheMemberOfThisOneIsFrozen) {
  EtcdWorld world(3);
  const Gateway gateway(world.cluster().endpoints());
  EtcdConfig config;
  config.endpoints = {gateway.address()};
  config.use_proxies = true;
  world.use(world.client_of(config));
  DcsFixture ask{world};
  const auto lease = ask.lease_of(60s);
  // Whichever member the connection leads to: all but one can be reached, one after the other.
  for (std::size_t frozen = 0; frozen < 3; ++frozen) {
    world.cluster().member(frozen).freeze();
    const auto kept = ask.keep_alive(lease, 3s);
    EXPECT_TRUE(kept) << "member " << frozen << " is frozen: " << kept.error().text;
    world.cluster().member(frozen).thaw();
    EXPECT_TRUE(ask.keep_alive(lease, 5s));
  }
}

TEST(NoEtcd, IsRefusedAtConstruction) {
  boost::asio::io_context loop;
  AsioClock clock(loop.get_executor());
  EXPECT_THROW(EtcdDcs(EtcdConfig{}, loop.get_executor(), clock), std::runtime_error);
  EtcdConfig config;
  config.endpoints = {"127.0.0.1:1"};
  config.use_tls = true;
  config.cacert = "/nonexistent/ca.pem";
  EXPECT_THROW(EtcdDcs(config, loop.get_executor(), clock), std::runtime_error);
}

// ---- Three members

class ThreeEtcds : public testing::Test {
 protected:
  EtcdWorld world{3};
  DcsFixture ask{world};

  // Every kind of request, each within a deadline that one silent endpoint must not eat.
  void expect_all_is_well(LeaseId lease) {
    EXPECT_EQ(ask.good(ask.keep_alive(lease, 5s)).id, lease);
    EXPECT_TRUE(ask.good(ask.commit({.compares = {value_is("/c/leader", "pg1"),
                                                  lease_is("/c/leader", lease)},
                                     .writes = {},
                                     .otherwise = {}},
                                    5s))
                    .succeeded);
    EXPECT_EQ(ask.good(ask.read("/c/", ReadMode::Serializable, 5s)).entries.size(), 1U);
    EXPECT_EQ(ask.good(ask.read("/c/", ReadMode::Linearizable, 5s)).entries.size(), 1U);
    EXPECT_TRUE(ask.grant(60s, 8s));
    EXPECT_TRUE(ask.commit({.compares = {}, .writes = {put("/d/x", "1")}, .otherwise = {}}, 8s));
  }
};

TEST_F(ThreeEtcds, OneDeadIsNotNoticed) {
  const auto lease = ask.lease_of(60s);
  ask.write({put("/c/leader", "pg1", lease)});
  for (std::size_t dead = 0; dead < 3; ++dead) {
    SCOPED_TRACE(dead);
    world.cluster().member(dead).kill();
    expect_all_is_well(lease);
    world.cluster().member(dead).start();
    // The cluster must be whole before the next one dies: all three know what was written last.
    const auto written = ask.good(ask.commit(
        {.compares = {}, .writes = {put("/d/y", std::to_string(dead))}, .otherwise = {}}, 20s));
    EtcdConfig only;
    only.endpoints = {world.cluster().member(dead).endpoint()};
    only.use_proxies = true;
    const auto client = world.client_of(only);
    Revision reached;
    while (reached < written.revision) {
      const auto snapshot = ask.wait_for<Snapshot>([&](auto answer) {
        client->read("/d/", ReadMode::Linearizable, ask.in(20s), std::move(answer));
      });
      ASSERT_TRUE(snapshot) << describe(snapshot.error());
      reached = snapshot->revision;
    }
  }
}

TEST_F(ThreeEtcds, OneFrozenIsNotNoticed) {
  const auto lease = ask.lease_of(60s);
  ask.write({put("/c/leader", "pg1", lease)});
  for (std::size_t frozen = 0; frozen < 3; ++frozen) {
    SCOPED_TRACE(frozen);
    world.cluster().member(frozen).freeze();
    expect_all_is_well(lease);
    world.cluster().member(frozen).thaw();
    EXPECT_TRUE(ask.read("/c/", ReadMode::Linearizable, 20s));
  }
}

TEST_F(ThreeEtcds, AWatchGoesOnAtAnotherWhenItsMemberIsFrozen) {
  const auto watching = ask.watch("/c/", Revision{}, 1s);
  ASSERT_TRUE(ask.until([&] { return watching.seen->signs_of_life > 0; }));
  for (std::size_t frozen = 0; frozen < 3; ++frozen) {
    SCOPED_TRACE(frozen);
    world.cluster().member(frozen).freeze();
    const auto written = ask.good(ask.commit(
        {.compares = {}, .writes = {put("/c/a", std::to_string(frozen))}, .otherwise = {}}, 20s));
    ASSERT_TRUE(ask.until(
        [&] { return watching.seen->reached() >= written.revision || watching.seen->end; }));
    ASSERT_FALSE(watching.seen->end) << watching.seen->end->text;
    // A write whose answer the frozen member owes was asked again, and may be applied a second time
    // when it thaws: what counts is that each revision is told, and told once.
    std::vector<Revision> told;
    for (const WatchEvent& event : watching.seen->events)
      told.push_back(event.entry.mod_revision);
    EXPECT_EQ(std::ranges::adjacent_find(told, std::greater_equal<>{}), told.end());
    EXPECT_EQ(std::ranges::count(told, written.revision), 1);
    world.cluster().member(frozen).thaw();
  }
}

TEST_F(ThreeEtcds, AreFoundFromOneOfThem) {
  EtcdConfig only_first;
  only_first.endpoints = {world.cluster().member(0).endpoint()};
  world.use(world.client_of(only_first));
  ask.write({put("/c/a", "1")});
  // The member list is read at the beginning, and again every five seconds until it is there: a
  // member that is frozen meanwhile gets as long to tell it.
  bool is_reached = false;
  for (int attempt = 0; attempt < 5 && !is_reached; ++attempt) {
    world.cluster().member(0).freeze();
    is_reached = ask.read("/c/", ReadMode::Linearizable, 3s).has_value();
    world.cluster().member(0).thaw();
    if (is_reached) break;
    EXPECT_TRUE(ask.read("/c/", ReadMode::Linearizable, 20s));
    const Instant told_by = world.clock().now() + 8s;
    ASSERT_TRUE(ask.until([&] { return world.clock().now() >= told_by; }));
  }
  EXPECT_TRUE(is_reached);
}

TEST_F(ThreeEtcds, WithoutAMajorityNothingIsConfirmed) {
  const auto lease = ask.lease_of(60s);
  ask.write({put("/c/leader", "pg1", lease)});
  const auto watching = ask.watch("/c/", Revision{}, 500ms);
  ASSERT_TRUE(ask.until([&] { return watching.seen->signs_of_life > 0; }));
  world.cluster().member(1).kill();
  world.cluster().member(2).kill();
  ASSERT_TRUE(ask.until([&] { return watching.seen->end.has_value(); }))
      << "a member that has no leader lives, but its silence about the others is no news";
  const auto confirmed =
      ask.commit({.compares = {value_is("/c/leader", "pg1"), lease_is("/c/leader", lease)},
                  .writes = {},
                  .otherwise = {}},
                 1s);
  ASSERT_FALSE(confirmed);
  EXPECT_EQ(confirmed.error().kind, DcsErrorKind::Unavailable) << confirmed.error().text;
  const auto linearizable = ask.read("/c/", ReadMode::Linearizable, 1s);
  EXPECT_FALSE(linearizable);
}

// ---- With passwords

class EtcdWithPasswords : public testing::Test {
 protected:
  void SetUp() override {
    world.cluster().ctl({"user", "add", "root:secret"});
    world.cluster().ctl({"user", "grant-role", "root", "root"});
    world.cluster().ctl({"role", "add", "herd"});
    world.cluster().ctl({"role", "grant-permission", "--prefix", "herd", "readwrite", "/c/"});
    world.cluster().ctl({"user", "add", "herd:sheep"});
    world.cluster().ctl({"user", "grant-role", "herd", "herd"});
    world.cluster().ctl({"auth", "enable"});
  }
  void log_in(const std::string& username, const std::string& password) {
    auto config = world.config_of_all();
    config.username = username;
    config.password = password;
    world.use(world.client_of(config));
  }

  EtcdWorld world{1};
  DcsFixture ask{world};
};

TEST_F(EtcdWithPasswords, TheRightOneOpensEveryDoor) {
  log_in("herd", "sheep");
  const auto lease = ask.lease_of(60s);
  const auto written = ask.write({put("/c/leader", "pg1", lease)});
  EXPECT_TRUE(ask.keep_alive(lease));
  EXPECT_EQ(ask.get("/c/leader")->value, "pg1");
  const auto watching = ask.watch("/c/", written.revision);
  ASSERT_TRUE(ask.until([&] { return !watching.seen->events.empty() || watching.seen->end; }));
  EXPECT_FALSE(watching.seen->end) << watching.seen->end->text;
  EXPECT_TRUE(ask.revoke(lease));
}

TEST_F(EtcdWithPasswords, AWrongOneIsDenied) {
  log_in("herd", "wolf");
  const auto outcome = ask.read("/c/");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::WrongLogin) << outcome.error().text;
}

TEST_F(EtcdWithPasswords, NoneIsDenied) {
  const auto outcome = ask.read("/c/");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Denied) << outcome.error().text;
}

TEST_F(EtcdWithPasswords, SomebodyElsesPrefixIsDenied) {
  log_in("herd", "sheep");
  const auto outcome = ask.read("/other/");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Denied) << outcome.error().text;
  const auto watching = ask.watch("/other/", Revision{1});
  ASSERT_TRUE(ask.until([&] { return watching.seen->end.has_value(); }));
  EXPECT_EQ(watching.seen->end->kind, DcsErrorKind::Denied) << watching.seen->end->text;
}

TEST_F(EtcdWithPasswords, ATokenThatEtcdForgotIsRenewed) {
  log_in("herd", "sheep");
  ask.write({put("/c/a", "1")});
  // Simple tokens live in memory only.
  world.cluster().member(0).kill();
  world.cluster().member(0).start();
  EXPECT_EQ(ask.get("/c/a")->value, "1");
  ask.write({put("/c/a", "2")});
  EXPECT_EQ(ask.get("/c/a")->value, "2");
}

TEST_F(OneEtcd, ThatWantsNoPasswordTakesUsWithOne) {
  auto config = world.config_of_all();
  config.username = "herd";
  config.password = "sheep";
  world.use(world.client_of(config));
  ask.write({put("/c/a", "1")});
  EXPECT_EQ(ask.get("/c/a")->value, "1");
}

class EtcdWithUsers : public testing::Test {
 protected:
  void SetUp() override {
    ctl({"user", "add", "root:secret"});
    ctl({"user", "grant-role", "root", "root"});
    ctl({"role", "add", "herd"});
    ctl({"role", "grant-permission", "--prefix", "herd", "readwrite", "/c/"});
    ctl({"user", "add", "herd:sheep"});
    ctl({"user", "grant-role", "herd", "herd"});
    auto config = world.config_of_all();
    config.username = "herd";
    config.password = "sheep";
    auto client = world.client_of(config);
    etcd = client.get();
    world.use(std::move(client));
  }
  void ctl(const std::vector<std::string>& words) { world.cluster().ctl(words); }
  void ctl_as_root(std::vector<std::string> words) {
    words.insert(words.begin(), {"--user", "root:secret"});
    world.cluster().ctl(words);
  }
  void restart_the_store() {  // which forgets its tokens
    world.cluster().member(0).kill();
    world.cluster().member(0).start();
  }
  // What a leader does.
  void expect_all_is_well(const std::string& value) {
    EXPECT_TRUE(ask.keep_alive(lease));
    EXPECT_TRUE(ask.good(ask.commit({.compares = {lease_is("/c/leader", lease)},
                                     .writes = {put("/c/status", value)},
                                     .otherwise = {}}))
                    .succeeded);
    EXPECT_EQ(ask.get("/c/status")->value, value);
    EXPECT_EQ(ask.good(ask.read("/c/", ReadMode::Linearizable)).entries.size(), 2U);
    const auto watching = ask.watch("/c/", Revision{2});
    ASSERT_TRUE(ask.until([&] { return !watching.seen->events.empty() || watching.seen->end; }));
    EXPECT_FALSE(watching.seen->end) << watching.seen->end->text;
  }

  EtcdWorld world{1};
  DcsFixture ask{world};
  EtcdDcs* etcd = nullptr;
  LeaseId lease;
};

TEST_F(EtcdWithUsers, AuthenticationIsSwitchedOnAndOffWhileAClientRuns) {
  lease = ask.lease_of(60s);
  ask.write({put("/c/leader", "pg1", lease)});
  const auto watching = ask.watch("/c/", Revision{});
  ASSERT_TRUE(ask.until([&] { return watching.seen->signs_of_life > 0; }));
  expect_all_is_well("off");
  ctl({"auth", "enable"});
  expect_all_is_well("on");
  ctl_as_root({"auth", "disable"});
  expect_all_is_well("off again");
  // While it is off the store forgets the token.
  restart_the_store();
  expect_all_is_well("restarted");
  ctl({"auth", "enable"});
  expect_all_is_well("on again");
  EXPECT_FALSE(watching.seen->end) << watching.seen->end->text;
}

TEST_F(EtcdWithUsers, WithoutAUserNameAStoreThatWantsOneNowIsDenied) {
  world.use(world.client_of(world.config_of_all()));
  ask.write({put("/c/a", "1")});
  ctl({"auth", "enable"});
  const auto outcome = ask.read("/c/");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Denied);
  EXPECT_NE(outcome.error().text.find("etcd3.username"), std::string::npos) << outcome.error().text;
}

TEST_F(EtcdWithUsers, AChangedPasswordIsUsedWhenTheOldTokenIsGone) {
  lease = ask.lease_of(60s);
  ask.write({put("/c/leader", "pg1", lease)});
  ctl({"auth", "enable"});
  expect_all_is_well("on");
  ctl_as_root({"user", "add", "shepherd:dog"});
  ctl_as_root({"user", "grant-role", "shepherd", "herd"});
  ctl_as_root({"user", "delete", "herd"});
  restart_the_store();
  const auto outcome = ask.read("/c/");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::WrongLogin) << outcome.error().text;
  etcd->log_in_as("shepherd", "dog");
  expect_all_is_well("another password");
}

// ---- With certificates

// One certificate serves as authority, as the server's and as the client's.
class Certificate {
 public:
  Certificate() {
    auto pattern = (std::filesystem::temp_directory_path() / "pgherd-tls-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a folder " + pattern);
    folder_ = pattern;
    run({find_program("OPENSSL", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=herd", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", key(), "-out", cert()});
  }
  ~Certificate() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  [[nodiscard]] std::string cert() const { return folder_ + "/cert.pem"; }
  [[nodiscard]] std::string key() const { return folder_ + "/key.pem"; }
  [[nodiscard]] std::vector<std::string> options() const {
    return {"--cert-file=" + cert(), "--key-file=" + key(), "--trusted-ca-file=" + cert(),
            "--client-cert-auth"};
  }
  [[nodiscard]] EtcdConfig config() const {
    EtcdConfig config;
    config.use_tls = true;
    config.cacert = cert();
    config.cert = cert();
    config.key = key();
    return config;
  }

 private:
  std::string folder_;
};

TEST(EtcdWithCertificates, IsSpokenToByWhoHasOneAndTrustsIt) {
  const Certificate certificate;
  EtcdWorld world(1, certificate.options(), certificate.config());
  DcsFixture ask(world);
  const auto lease = ask.lease_of(60s);
  ask.write({put("/c/leader", "pg1", lease)});
  EXPECT_EQ(ask.get("/c/leader")->value, "pg1");

  const Certificate stranger;
  auto config = stranger.config();
  config.endpoints = world.cluster().endpoints();
  world.use(world.client_of(config));
  const auto outcome = ask.read("/c/", ReadMode::Linearizable, 2s);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Unavailable) << outcome.error().text;
}

// A server's own certificate, and a client whose files are replaced while it runs. The store trusts
// whoever stands in a file that it reads at its start.
class EtcdThatRenews : public testing::Test {
 protected:
  static void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }
  void trust(const std::vector<const Certificate*>& clients) {
    std::ofstream file(folder_.cert() + ".trusted");
    for (const Certificate* client : clients)
      file << std::ifstream(client->cert()).rdbuf();
  }
  // Over `folder_`'s own.
  void use(const Certificate& client) {
    copy(client.cert(), folder_.cert());
    copy(client.key(), folder_.key());
  }
  [[nodiscard]] std::vector<std::string> options() {
    trust({&former, &next});
    return {"--cert-file=" + server.cert(), "--key-file=" + server.key(),
            "--trusted-ca-file=" + folder_.cert() + ".trusted", "--client-cert-auth"};
  }
  [[nodiscard]] EtcdConfig config() const {
    EtcdConfig config = folder_.config();
    config.cacert = server.cert();
    return config;
  }
  [[nodiscard]] EtcdConfig first_config() {
    use(former);
    return config();
  }
  void restart_the_store() {
    world.cluster().member(0).kill();
    world.cluster().member(0).start();
  }

  Certificate server;
  Certificate former;
  Certificate next;
  Certificate folder_;  // of the client
  EtcdWorld world{1, options(), first_config()};
  DcsFixture ask{world};
  EtcdDcs& etcd = dynamic_cast<EtcdDcs&>(world.dcs());
};

TEST_F(EtcdThatRenews, IsReachedByTheNewCertificateAfterAReload) {
  const auto lease = ask.lease_of(60s);
  const auto written = ask.write({put("/c/leader", "pg1", lease)});
  const auto watching = ask.watch("/c/", Revision{written.revision.value + 1});
  use(next);
  etcd.renew_certificates(config());
  EXPECT_TRUE(ask.keep_alive(lease));
  ask.write({put("/c/a", "1")});
  ASSERT_TRUE(ask.until([&] { return !watching.seen->events.empty() || watching.seen->end; }));
  EXPECT_FALSE(watching.seen->end) << watching.seen->end->text;
  // From now on the former one is refused, and everybody has to connect anew.
  trust({&next});
  restart_the_store();
  EXPECT_EQ(ask.good(ask.read("/c/", ReadMode::Linearizable, 20s)).entries.size(), 2U);
  ask.write({put("/c/a", "2")});
  ASSERT_TRUE(ask.until([&] { return watching.seen->events.size() > 1 || watching.seen->end; }));
  EXPECT_FALSE(watching.seen->end) << watching.seen->end->text;
}

TEST_F(EtcdThatRenews, GoesOnWithWhatWorksWhenItIsGivenACertificateThatNobodyTrusts) {
  const auto lease = ask.lease_of(60s);
  ask.write({put("/c/leader", "pg1", lease)});
  const Certificate stranger;
  use(stranger);
  etcd.renew_certificates(config());
  const Instant began = world.clock().now();
  ASSERT_TRUE(ask.until([&] { return world.clock().now() > began + 2s; }));
  EXPECT_TRUE(ask.keep_alive(lease));
  EXPECT_EQ(ask.get("/c/leader")->value, "pg1");
  std::filesystem::remove(folder_.key());
  EXPECT_THROW(etcd.renew_certificates(config()), std::runtime_error);
  EXPECT_EQ(ask.get("/c/leader")->value, "pg1");
}

// etcd takes the common name of a client's certificate for its user, where no token is sent.
TEST(EtcdWithCertificates, IsTheUserThatItsCertificateNames) {
  const Certificate certificate;
  EtcdWorld world(1, certificate.options(), certificate.config());
  const auto ctl = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--cacert=" + certificate.cert(), "--cert=" + certificate.cert(),
                               "--key=" + certificate.key()});
    world.cluster().ctl(words);
  };
  ctl({"user", "add", "root:secret"});
  ctl({"user", "grant-role", "root", "root"});
  ctl({"role", "add", "herd"});
  ctl({"role", "grant-permission", "--prefix", "herd", "readwrite", "/c/"});
  ctl({"user", "add", "herd:sheep"});
  ctl({"user", "grant-role", "herd", "herd"});
  ctl({"auth", "enable"});
  DcsFixture ask(world);
  const auto lease = ask.lease_of(60s);
  const auto written = ask.write({put("/c/leader", "pg1", lease)});
  EXPECT_TRUE(ask.keep_alive(lease));
  EXPECT_EQ(ask.get("/c/leader")->value, "pg1");
  const auto watching = ask.watch("/c/", written.revision);
  ASSERT_TRUE(ask.until([&] { return !watching.seen->events.empty() || watching.seen->end; }));
  EXPECT_FALSE(watching.seen->end) << watching.seen->end->text;
  const auto elsewhere = ask.read("/d/");
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().kind, DcsErrorKind::Denied) << elsewhere.error().text;
}

}  // namespace
}  // namespace pgherd::contract
