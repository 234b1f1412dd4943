#include "rest/http_peers.h"

#include <gtest/gtest.h>

#include "rest/an_api.h"
#include "rest/json_text.h"
#include "rest/status_document.h"
#include "runtime/asio_clock.h"
#include "runtime/name_lookup.h"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

namespace pgherd::test {
namespace {

using boost::asio::ip::tcp;

PeerView seen_in(const std::string& body) {
  return peer_view_of({.status = 200, .body = body, .headers = {}}, {.scope = "main", .name = "a"});
}
PeerView seen_in(NodeStatus status) {
  status.self.name = "a";
  return seen_in(spaced_text(status_document(status)));
}

TEST(PeerView, OfOurOwnDocuments) {
  const PeerView primary = seen_in(a_primary());
  EXPECT_TRUE(primary.is_reachable);
  EXPECT_FALSE(primary.in_recovery);
  EXPECT_EQ(primary.position, Lsn{});
  EXPECT_EQ(primary.timeline, Timeline{7});
  const PeerView standby = seen_in(a_standby());
  EXPECT_TRUE(standby.is_reachable);
  EXPECT_TRUE(standby.in_recovery);
  EXPECT_EQ(standby.position, Lsn{1000});
}

TEST(PeerView, PrefersWalAndReadsOldRoles) {
  const PeerView peer = seen_in(R"({"role":"replica","wal":{"received_location":5,)"
                                R"("replayed_location":9},"xlog":{"replayed_location":1}})");
  EXPECT_EQ(peer.position, Lsn{9});
  EXPECT_FALSE(seen_in(R"({"role":"master","xlog":{"location":0}})").in_recovery);
  EXPECT_FALSE(seen_in(R"({"role":"replica","xlog":{"location":3}})").in_recovery);
}

TEST(PeerView, HeedsTagsAndWatchdog) {
  const std::string base = R"({"role":"replica","xlog":{"replayed_location":1},)";
  EXPECT_TRUE(seen_in(base + R"("tags":{"nofailover":true}})").nofailover);
  EXPECT_EQ(seen_in(base + R"("tags":{"failover_priority":"3"}})").failover_priority, 3);
  EXPECT_TRUE(seen_in(base + R"("watchdog_failed":true})").watchdog_failed);
  EXPECT_EQ(seen_in(base + R"("failed_promotions":3})").failed_promotions, 3);
  EXPECT_EQ(seen_in(base + R"("failed_promotions":-7})").failed_promotions, 0);
  EXPECT_EQ(seen_in(base + R"("failed_promotions":"many"})").failed_promotions, 0);
  EXPECT_EQ(seen_in(base + R"("tags":7})").failover_priority, 1);
}

TEST(PeerView, WithoutPositionsIsNotReachable) {
  NodeStatus silent = a_standby();
  silent.instance.in_recovery.reset();
  const PeerView peer = seen_in(silent);
  EXPECT_FALSE(peer.is_reachable);
  EXPECT_EQ(peer.problem, "its PostgreSQL does not answer (state: unknown)");
  for (const char* body : {"", "[]", "{", "null", "{\"xlog\": 5}", "<html>", "\xff\xfe"}) {
    EXPECT_FALSE(seen_in(body).is_reachable) << body;
  }
  EXPECT_FALSE(seen_in(std::string(100000, '[')).is_reachable);
}

TEST(PeerView, TakesNonsensicalNumbersForNothing) {
  const PeerView peer = seen_in(R"({"role":"replica","timeline":-4,)"
                                R"("xlog":{"received_location":-1,"replayed_location":"x"}})");
  EXPECT_EQ(peer.position, Lsn{});
  EXPECT_EQ(peer.timeline, Timeline{});
}

TEST(PeerView, IsNotThatOfAnotherMemberAtTheAddress) {
  const auto asked_for = [](const std::string& scope, const std::string& name) {
    return peer_view_of(
        {.status = 200, .body = spaced_text(status_document(a_primary())), .headers = {}},
        {.scope = scope, .name = name});
  };
  EXPECT_TRUE(asked_for("main", "a").is_reachable);
  const PeerView other = asked_for("main", "b");
  EXPECT_FALSE(other.is_reachable);
  EXPECT_EQ(other.problem, "another member answers there: a");
  EXPECT_EQ(asked_for("side", "a").problem, "another cluster's member answers there: a of main");
}

TEST(PeerView, HasToSayWhoseItIsAtAnOldAddress) {
  HttpAnswer answer{.status = 200, .body = R"({"role":"replica","xlog":{"location":0}})"};
  EXPECT_TRUE(peer_view_of(answer, {.scope = "main", .name = "a"}).is_reachable);
  answer.is_from_old_address = true;
  EXPECT_FALSE(peer_view_of(answer, {.scope = "main", .name = "a"}).is_reachable);
  answer.body = spaced_text(status_document(a_primary()));
  EXPECT_TRUE(peer_view_of(answer, {.scope = "main", .name = "a"}).is_reachable);
}

// Who has given up its place, or is about to, is believed as little when it is somebody else.
TEST(PeerView, TakesNoFarewellFromAnotherMember) {
  const std::string demoted =
      R"({"state":"stopped","role":"demoted","patroni":{"scope":"main","name":"NAME"}})";
  const auto said_by = [&](const std::string& name) {
    return seen_in(std::string(demoted).replace(demoted.find("NAME"), 4, name));
  };
  EXPECT_TRUE(said_by("a").is_demoted);
  EXPECT_FALSE(said_by("b").is_demoted);
}

// A server that says one thing to everybody and then closes, or says nothing more.
class HostileServer {
 public:
  HostileServer(boost::asio::io_context& loop, std::string says, bool closes)
      : acceptor_(loop, {boost::asio::ip::address_v4::loopback(), 0}),
        says_(std::move(says)),
        closes_(closes) {
    accept();
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/patroni";
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (error) return;
      auto held = std::make_shared<tcp::socket>(std::move(socket));
      sockets_.push_back(held);
      boost::asio::async_write(*held, boost::asio::buffer(says_), [this, held](auto, auto) {
        boost::system::error_code ignored;
        if (closes_) held->shutdown(tcp::socket::shutdown_send, ignored);
      });
      accept();
    });
  }
  tcp::acceptor acceptor_;
  std::string says_;
  bool closes_;
  std::vector<std::shared_ptr<tcp::socket>> sockets_;
};

class ProbedPeers {
 public:
  std::map<NodeName, PeerView> probe(const std::map<NodeName, std::string>& targets,
                                     Milliseconds timeout) {
    std::map<NodeName, PeerView> answers;
    bool is_over = false;
    peers.probe(
        targets, timeout,
        [&](const NodeName& name, PeerView view) {
          order.push_back(name);
          answers[name] = std::move(view);
        },
        [&] { is_over = true; });
    api.run_until([&] { return is_over; });
    return answers;
  }
  Api api;
  AsioClock clock{api.loop.get_executor()};
  HttpPeers peers{api.loop.get_executor(), clock, "main", {}, std::nullopt};
  std::vector<NodeName> order;
};

TEST(HttpPeers, HearsAMember) {
  ProbedPeers probed;
  const auto answers = probed.probe({{"a", probed.api.url("/patroni")}}, 2s);
  ASSERT_TRUE(answers.at("a").is_reachable) << answers.at("a").problem;
  EXPECT_FALSE(answers.at("a").in_recovery);
  EXPECT_LE(answers.at("a").asked_at, answers.at("a").answered_at);
}

TEST(HttpPeers, IsNotHeldUpByASilentMember) {
  ProbedPeers probed;
  probed.api.node.present.self.name = "c-good";
  const HostileServer silent(probed.api.loop, "", false);
  const HostileServer halfway(probed.api.loop, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
                              false);
  const auto answers = probed.probe({{"a-silent", silent.url()},
                                     {"b-halfway", halfway.url()},
                                     {"c-good", probed.api.url("/patroni")}},
                                    1s);
  EXPECT_EQ(probed.order.at(0), "c-good");
  EXPECT_TRUE(answers.at("c-good").is_reachable);
  EXPECT_FALSE(answers.at("a-silent").is_reachable);
  EXPECT_NE(answers.at("a-silent").problem.find("timed out"), std::string::npos);
  EXPECT_FALSE(answers.at("b-halfway").is_reachable);
}

TEST(HttpPeers, TakesNothingFromHostileServers) {
  ProbedPeers probed;
  boost::asio::io_context& loop = probed.api.loop;
  const HostileServer closing(loop, "", true);
  const HostileServer garbage(loop, "SSH-2.0-OpenSSH\r\n", true);
  const HostileServer half(loop, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"xlog\"", true);
  const HostileServer huge(loop, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", false);
  const HostileServer headers(loop, "HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x'), false);
  const HostileServer endless(loop, "HTTP/1.0 200 OK\r\n\r\n" + std::string(2000000, ' '), false);
  const auto answers = probed.probe({{"closing", closing.url()},
                                     {"garbage", garbage.url()},
                                     {"half", half.url()},
                                     {"huge", huge.url()},
                                     {"headers", headers.url()},
                                     {"endless", endless.url()},
                                     {"no-url", "postgres://x"},
                                     {"nobody", "http://127.0.0.1:1/patroni"}},
                                    5s);
  EXPECT_EQ(answers.size(), 8U);
  for (const auto& [name, view] : answers) {
    EXPECT_FALSE(view.is_reachable) << name;
    EXPECT_FALSE(view.problem.empty()) << name;
    EXPECT_EQ(view.problem.find("timed out"), std::string::npos) << view.problem;
  }
}

TEST(HttpPeers, ReadsBodiesThatEndByClosing) {
  ProbedPeers probed;
  const HostileServer old(probed.api.loop,
                          "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
                          R"({"role":"replica","xlog":{"replayed_location":42}})",
                          true);
  EXPECT_EQ(probed.probe({{"old", old.url()}}, 2s).at("old").position, Lsn{42});
}

TEST(HttpPeers, AnswersEvenWhenNobodyIsAsked) {
  ProbedPeers probed;
  EXPECT_TRUE(probed.probe({}, 1s).empty());
}

FailsafeRound failsafe_round(ProbedPeers& probed, const std::map<NodeName, std::string>& targets) {
  std::optional<FailsafeRound> round;
  const FailsafePing ping{
      .name = "z", .conn_url = "postgres://z", .api_url = "http://z", .slots = {}};
  probed.peers.ask_failsafe(ping, targets, 2s, [&](FailsafeRound had) { round = std::move(had); });
  probed.api.run_until([&] { return round.has_value(); });
  return *round;
}

TEST(HttpPeers, ShowThePasswordOfTheConfigurationInForce) {
  ProbedPeers probed;
  RestConfig config;
  config.authentication = Credentials{.username = "u", .password = "p", .options = {}};
  probed.api.server.reconfigure(Api::on_loopback(config));
  probed.api.node.present = a_standby();
  probed.api.node.present.settings.failsafe_mode = true;
  probed.api.node.accepts_failsafe = true;
  const std::map<NodeName, std::string> targets{{"b", probed.api.url("/patroni")}};
  EXPECT_NE(failsafe_round(probed, targets).problem.find("401"), std::string::npos);
  probed.peers.reconfigure({}, config.authentication);
  EXPECT_TRUE(failsafe_round(probed, targets).is_accepted);
  EXPECT_THROW(probed.peers.reconfigure({.certfile = "/nowhere"}, std::nullopt),
               std::runtime_error);
  EXPECT_TRUE(failsafe_round(probed, targets).is_accepted);
}

// `b` at the API of `probed`, and another member.
class SecondMember {
 public:
  SecondMember(ProbedPeers& probed, const std::string& name)
      : server_(probed.api.loop.get_executor(), Api::on_loopback({}), node, probed.api.peers, {}) {
    node.present = a_standby();
    node.present.self.name = name;
    node.present.settings.failsafe_mode = true;
    probed.api.node.present = a_standby();
    probed.api.node.present.settings.failsafe_mode = true;
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + "/patroni";
  }
  FakeNode node;

 private:
  RestServer server_;
};

TEST(HttpPeers, AFailsafeRoundNeedsAllToAccept) {
  ProbedPeers probed;
  SecondMember c(probed, "c");
  const std::map<NodeName, std::string> targets{{"b", probed.api.url("/patroni")}, {"c", c.url()}};
  c.node.accepts_failsafe = true;
  const FailsafeRound refused = failsafe_round(probed, targets);
  EXPECT_FALSE(refused.is_accepted);
  EXPECT_NE(refused.problem.find("Running as a leader"), std::string::npos) << refused.problem;
  probed.api.node.accepts_failsafe = true;
  const FailsafeRound accepted = failsafe_round(probed, targets);
  EXPECT_TRUE(accepted.is_accepted) << accepted.problem;
  EXPECT_FALSE(failsafe_round(probed, {{"b", targets.at("b")}, {"gone", "http://127.0.0.1:1/"}})
                   .is_accepted);
  EXPECT_TRUE(failsafe_round(probed, {}).is_accepted);
}

TEST(HttpPeers, NobodyAcceptsForAnother) {
  ProbedPeers probed;
  SecondMember c(probed, "c");
  c.node.accepts_failsafe = true;
  const FailsafeRound round = failsafe_round(probed, {{"b", c.url()}, {"c", c.url()}});
  EXPECT_FALSE(round.is_accepted);
  EXPECT_EQ(round.problem, "'b': another member answers there: c");
  const auto answers = probed.probe({{"b", c.url()}, {"c", c.url()}}, 5s);
  EXPECT_FALSE(answers.at("b").is_reachable);
  EXPECT_TRUE(answers.at("c").is_reachable);
}

// Every host in this world is 127.0.0.1, unless the server is silent about it.
class NamedPeers : public ProbedPeers {
 public:
  NamedPeers() {
    boost::asio::use_service<NameLookup>(api.loop).ask_by(
        [silence = silence](const std::string& host) -> LookupResult {
          std::unique_lock lock(silence->mutex);
          silence->changed.wait(lock, [&] { return !silence->about.contains(host); });
          return HostAddresses{boost::asio::ip::address_v4::loopback()};
        });
  }
  ~NamedPeers() {
    const std::lock_guard lock(silence->mutex);
    silence->about.clear();
    silence->changed.notify_all();
  }
  void fall_silent_about(const std::string& host) {
    const std::lock_guard lock(silence->mutex);
    silence->about.insert(host);
  }
  [[nodiscard]] std::string url(const std::string& host, const std::string& local) const {
    return std::string(local).replace(local.find("127.0.0.1"), 9, host);
  }
  struct Silence {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> about;
  };
  std::shared_ptr<Silence> silence = std::make_shared<Silence>();
};

TEST(HttpPeers, AreHeardThoughTheNameOfTheDeadHangs) {
  NamedPeers probed;
  SecondMember c(probed, "c");
  probed.fall_silent_about("a.test");
  const auto answers = probed.probe({{"a", "http://a.test:8008/patroni"},
                                     {"b", probed.url("b.test", probed.api.url("/patroni"))},
                                     {"c", probed.url("c.test", c.url())}},
                                    2s);
  EXPECT_TRUE(answers.at("b").is_reachable) << answers.at("b").problem;
  EXPECT_TRUE(answers.at("c").is_reachable) << answers.at("c").problem;
  EXPECT_NE(answers.at("a").problem.find("the name server did not answer in time"),
            std::string::npos)
      << answers.at("a").problem;
}

TEST(HttpPeers, AreHeardWhereTheyWereWhileTheNameServerIsSilent) {
  NamedPeers probed;
  SecondMember c(probed, "c");
  c.node.accepts_failsafe = true;
  const std::string url = probed.url("c.test", c.url());
  ASSERT_TRUE(probed.probe({{"c", url}}, 20s).at("c").is_reachable);
  probed.fall_silent_about("c.test");
  const PeerView heard = probed.probe({{"c", url}}, 20s).at("c");
  EXPECT_TRUE(heard.is_reachable) << heard.problem;
  EXPECT_LT(heard.answered_at - heard.asked_at, 10s);
  const FailsafeRound round = failsafe_round(probed, {{"c", url}});
  EXPECT_TRUE(round.is_accepted) << round.problem;
  c.node.present.self.name = "d";  // the address is another member's now
  EXPECT_FALSE(probed.probe({{"c", url}}, 20s).at("c").is_reachable);
  EXPECT_FALSE(failsafe_round(probed, {{"c", url}}).is_accepted);
}

// A Patroni does not say who accepts.
TEST(HttpPeers, AnAcceptanceWithoutANameCountsAtAPresentAddressOnly) {
  NamedPeers probed;
  const HostileServer patroni(probed.api.loop,
                              "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nAccepted", true);
  const std::string url = probed.url("p.test", patroni.url());
  EXPECT_TRUE(failsafe_round(probed, {{"p", url}}).is_accepted);
  probed.fall_silent_about("p.test");
  EXPECT_FALSE(failsafe_round(probed, {{"p", url}}).is_accepted);
}

TEST(HttpPeers, HearHowFarAMemberIsThatAccepts) {
  NamedPeers probed;
  const HostileServer patroni(
      probed.api.loop, "HTTP/1.1 200 OK\r\nlsn: 83886432\r\nContent-Length: 8\r\n\r\nAccepted",
      true);
  const HostileServer odd(probed.api.loop,
                          "HTTP/1.1 200 OK\r\nlsn: 12x\r\nContent-Length: 8\r\n\r\nAccepted", true);
  const FailsafeRound round = failsafe_round(
      probed, {{"p", probed.url("p.test", patroni.url())}, {"q", probed.url("q.test", odd.url())}});
  EXPECT_TRUE(round.is_accepted) << round.problem;
  EXPECT_EQ(round.positions, (std::map<NodeName, Lsn>{{"p", Lsn{83886432}}}));
}

TEST(HttpPeers, TakesNoOtherWordForAnAcceptance) {
  ProbedPeers probed;
  const HostileServer polite(probed.api.loop,
                             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nAccepted?!", true);
  EXPECT_FALSE(failsafe_round(probed, {{"polite", polite.url()}}).is_accepted);
}

TEST(HttpPeers, SaysNothingAfterItsEnd) {
  Api api;
  AsioClock clock(api.loop.get_executor());
  auto peers = std::make_unique<HttpPeers>(api.loop.get_executor(), clock, "main", ClientSecurity{},
                                           std::nullopt);
  peers->probe(
      {{"a", api.url("/patroni")}}, 2s, [](const auto&, const auto&) { FAIL(); }, [] { FAIL(); });
  peers.reset();
  EXPECT_EQ(api.get("/primary").status, 200);
}

TEST(HttpClient, TriesAllAddressesOfAName) {
  Api api;  // listens on 127.0.0.1 only, and localhost may mean ::1 first
  HttpRequest request;
  request.url = "http://localhost:" + std::to_string(api.server.port()) + "/primary";
  EXPECT_EQ(api.end(api.begin(std::move(request))).status, 200);
}

TEST(HttpClient, TellsWhatWasNotSentFromWhatMayHaveBeenDone) {
  Api api;
  const HostileServer closing(api.loop, "", true);
  const auto kind_of = [&](const std::string& url) {
    HttpRequest request;
    request.method = "POST";
    request.url = url;
    const auto slot = api.begin(std::move(request));
    api.run_until([&] { return slot->has_value(); });
    return (**slot).error().kind;
  };
  EXPECT_EQ(kind_of("http://127.0.0.1:1/"), HttpErrorKind::NotSent);
  EXPECT_EQ(kind_of("nonsense"), HttpErrorKind::NotSent);
  EXPECT_EQ(kind_of(closing.url()), HttpErrorKind::Unknown);
}

}  // namespace
}  // namespace pgherd::test
