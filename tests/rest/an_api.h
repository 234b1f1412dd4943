// A RestServer on a port of the system's choice, with a node that does as it is told, on one loop
// that turns only while a test waits for something.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rest/a_node.h"
#include "rest/client.h"
#include "rest/node_face.h"
#include "rest/server.h"
#include "runtime/await_answer.h"

namespace pgherd::test {

struct FakeNode final : NodeFace {
  NodeStatus present = a_primary();
  std::optional<DcsError> store_problem;
  WriteEnded write_ends{.how = WriteEnded::How::Applied, .revision = Revision{200}, .detail = {}};
  bool answers_observe = true;
  bool answers_restart = true;
  std::pair<bool, std::string> restart_ends{true, ""};
  bool accepts_failsafe = false;
  std::function<void()> on_write_failover;

  int observes = 0;
  int wakes = 0;
  int reloads = 0;
  std::vector<std::string> configs;
  std::vector<Revision> config_guards;
  std::vector<FailoverRequest> requests;
  std::vector<Revision> cleared;
  std::vector<std::function<void(NodeStatus)>> waiting_observers;
  std::vector<std::function<void(bool, std::string)>> waiting_restarts;
  std::optional<Milliseconds> restart_timeout;

  NodeStatus status() override { return present; }
  void observe_now(std::function<void(NodeStatus)> answer) override {
    ++observes;
    if (answers_observe) return answer(present);
    waiting_observers.push_back(std::move(answer));
  }
  void read_cluster(std::function<void(Result<ClusterView, DcsError>)> answer) override {
    if (store_problem) return answer(fail(*store_problem));
    answer(*present.cluster);
  }
  void write_config(std::string json, Revision seen,
                    std::function<void(WriteEnded)> answer) override {
    configs.push_back(std::move(json));
    config_guards.push_back(seen);
    answer(write_ends);
  }
  void write_failover(FailoverRequest request, std::function<void(WriteEnded)> answer) override {
    requests.push_back(std::move(request));
    if (on_write_failover) on_write_failover();
    answer(write_ends);
  }
  void clear_failover(Revision seen, std::function<void(WriteEnded)> answer) override {
    cleared.push_back(seen);
    answer(write_ends);
  }
  void restart(std::optional<Milliseconds> timeout,
               std::function<void(bool, std::string)> answer) override {
    restart_timeout = timeout;
    if (answers_restart) return answer(restart_ends.first, restart_ends.second);
    waiting_restarts.push_back(std::move(answer));
  }
  void reload() override { ++reloads; }
  void wake() override { ++wakes; }
  std::string refuse_failsafe_ping(const FailsafePing&) override {
    return accepts_failsafe ? "" : "Running as a leader";
  }
  void schedule_restart(ScheduledRestart handover,
                        std::function<void(bool, std::string)> answer) override {
    const bool is_free = !scheduled;
    if (is_free) scheduled = std::move(handover);
    answer(is_free, is_free ? "" : "Another restart is already scheduled");
  }
  void unschedule_restart(std::function<void(bool, std::string)> answer) override {
    const bool was_there = scheduled.has_value();
    scheduled.reset();
    answer(was_there, was_there ? "" : "no restarts are scheduled");
  }
  void reinitialize(bool force, bool from_leader, std::function<void(ActAnswer)> answer) override {
    reinitialized = {force, from_leader};
    answer({.code = 200, .text = "reinitialize started"});
  }
  std::optional<ScheduledRestart> scheduled;
  std::optional<std::pair<bool, bool>> reinitialized;  // force, from_leader
};

struct FakePeers final : Peers {
  void ask_failsafe(const FailsafePing&, const std::map<NodeName, std::string>&, Milliseconds,
                    std::function<void(FailsafeRound)> done) override {
    done(FailsafeRound{});
  }
  PeerView answer;
  std::map<NodeName, std::string> asked;
  void probe(const std::map<NodeName, std::string>& targets, Milliseconds,
             std::function<void(NodeName, PeerView)> each, std::function<void()> all) override {
    asked = targets;
    for (const auto& [name, url] : targets)
      each(name, answer);
    all();
  }
};

// A bare TCP client that says what it is told and hears all until the other side closes.
class RawClient {
 public:
  RawClient(boost::asio::io_context& loop, std::uint16_t port) : loop_(loop), socket_(loop) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
  }
  void say(const std::string& bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }
  void say_no_more() { socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }
  // Turns the loop until the server closes.
  std::string hear_all() {
    bool is_over = false;
    std::string heard;
    boost::asio::async_read(socket_, boost::asio::dynamic_buffer(heard),
                            [&](const boost::system::error_code&, std::size_t) { is_over = true; });
    while (!is_over && loop_.run_one() > 0) {
    }
    return heard;
  }

 private:
  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::socket socket_;
};

class Api {
 public:
  explicit Api(RestConfig config = {}, RestLimits limits = {})
      : server(loop.get_executor(), on_loopback(std::move(config)), node, peers, limits) {
    peers.answer.is_reachable = true;
  }

  static RestConfig on_loopback(RestConfig config) {
    config.listen.host = "127.0.0.1";
    config.listen.port = 0;
    return config;
  }

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server.port()) + path;
  }

  // Turns the loop until `is_over`; every wait in these tests ends by an event or a client's
  // timeout.
  void run_until(const std::function<bool()>& is_over) {
    while (!is_over() && loop.run_one() > 0) {
    }
  }

  using Slot = std::shared_ptr<std::optional<Result<HttpAnswer, HttpError>>>;
  Slot begin(HttpRequest request) {
    auto slot = std::make_shared<std::optional<Result<HttpAnswer, HttpError>>>();
    client.send(std::move(request), [slot](auto answer) { *slot = std::move(answer); });
    return slot;
  }
  HttpAnswer end(const Slot& slot) {
    run_until([&] { return slot->has_value(); });
    if (!slot->has_value() || !**slot) {
      ADD_FAILURE() << (slot->has_value() ? (**slot).error().text : "no answer");
      return {};
    }
    return ***slot;
  }
  HttpAnswer ask(const std::string& method, const std::string& path, const std::string& body = "",
                 std::optional<Credentials> authentication = {}) {
    HttpRequest request;
    request.method = method;
    request.url = url(path);
    request.body = body;
    request.authentication = std::move(authentication);
    return end(begin(std::move(request)));
  }
  HttpAnswer get(const std::string& path) { return ask("GET", path); }

  boost::asio::io_context loop{1};
  FakeNode node;
  FakePeers peers;
  HttpClient client{loop.get_executor()};
  RestServer server;
};

}  // namespace pgherd::test
