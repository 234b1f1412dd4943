#include "rest/server.h"

#include <gtest/gtest.h>

#include <memory>

#include "codec/json_reading.h"
#include "rest/an_api.h"

namespace pgherd::test {
namespace {

std::string text(const HttpAnswer& answer) {
  return std::to_string(answer.status) + " " + answer.body;
}

// ---- Reading ------------------------------------------------------------------------------------

TEST(RestServer, AnswersHealthChecksFromThePresentPictureAlone) {
  Api api;
  api.node.store_problem = DcsError{};
  api.node.answers_observe = false;
  const HttpAnswer answer = api.get("/primary");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_TRUE(answer.body.starts_with(R"({"state": "running", )"));
  EXPECT_EQ(api.get("/replica").status, 503);
  EXPECT_EQ(api.get("/no/such/path").status, 503);
  EXPECT_EQ(api.get("/replica?lag=much").status, 503)
      << "a primary is no replica, whatever the lag";
  EXPECT_EQ(api.node.observes, 0);
}

TEST(RestServer, AnswersHeadAndOptionsWithTheCodeOnly) {
  Api api;
  for (const char* method : {"HEAD", "OPTIONS"}) {
    EXPECT_EQ(text(api.ask(method, "/primary")), "200 ");
    EXPECT_EQ(text(api.ask(method, "/replica")), "503 ");
    EXPECT_EQ(text(api.ask(method, "/liveness")), "200 ");
    EXPECT_EQ(text(api.ask(method, "/patroni")), "200 ");
  }
}

TEST(RestServer, AnswersProbesMetricsAndHistory) {
  Api api;
  EXPECT_EQ(text(api.get("/liveness")), "200 ");
  EXPECT_EQ(text(api.get("/readiness")), "200 ");
  EXPECT_EQ(api.get("/metrics").headers.at("content-type"), "text/plain");
  EXPECT_EQ(text(api.get("/history")), "200 []");
  EXPECT_EQ(text(api.get("/config")), R"(200 {"ttl": 30})");
  api.node.present.cluster->config.reset();
  EXPECT_EQ(api.get("/config").status, 502);
}

TEST(RestServer, LooksAtPostgresForThePatroniRouteWhenThePictureIsOld) {
  Api api;
  EXPECT_EQ(api.get("/patroni").status, 200);
  EXPECT_EQ(api.node.observes, 0);
  api.node.present.now = api.node.present.now + 1s;
  EXPECT_EQ(api.get("/patroni/whatever").status, 200);
  EXPECT_EQ(api.node.observes, 1);
}

TEST(RestServer, SharesOneLookAmongAllWhoAsk) {
  Api api;
  api.node.answers_observe = false;
  api.node.present.now = api.node.present.now + 1s;
  const auto first = api.begin({.url = api.url("/patroni"), .body = {}});
  const auto second = api.begin({.url = api.url("/patroni"), .body = {}});
  api.run_until([&] { return api.server.connection_count() == 2; });
  api.run_until([&] { return api.node.observes == 1; });
  // The second has joined once the loop has nothing left to do at once.
  while (api.loop.poll() > 0) {
  }
  api.node.waiting_observers.at(0)(api.node.present);
  EXPECT_EQ(api.end(first).status, 200);
  EXPECT_EQ(api.end(second).status, 200);
  EXPECT_EQ(api.node.observes, 1);
}

TEST(RestServer, SaysUnknownWhenPostgresCannotBeLookedAtInTime) {
  Api api;
  api.node.answers_observe = false;
  api.node.present.now = api.node.present.now + 1s;
  EXPECT_TRUE(api.get("/patroni").body.starts_with(R"({"state": "unknown", "role": "primary", )"));
}

TEST(RestServer, ReadsTheStoreForTheCluster) {
  Api api;
  EXPECT_TRUE(api.get("/cluster").body.starts_with(R"({"members": [{"name": "a", )"));
  api.node.store_problem = DcsError{.kind = DcsErrorKind::Unavailable, .text = "no endpoint"};
  EXPECT_EQ(text(api.get("/cluster")), "503 cannot read the store: no endpoint");
}

TEST(RestServer, KnowsNoOtherWritingRoutes) {
  Api api;
  const HttpAnswer answer = api.ask("POST", "/citus", "{}");
  EXPECT_EQ(answer.status, 501);
  EXPECT_NE(answer.body.find("Server does not support this operation"), std::string::npos);
  EXPECT_EQ(api.ask("DELETE", "/failover").status, 501);
  EXPECT_EQ(api.ask("POST", "/primary", "{}").status, 501);
}

TEST(RestServer, AddsConfiguredHeaders) {
  RestConfig config;
  config.http_extra_headers["X-Site"] = "north";
  config.https_extra_headers["Strict-Transport-Security"] = "max-age=1";
  Api api(config);
  const HttpAnswer answer = api.get("/");
  EXPECT_EQ(answer.headers.at("x-site"), "north");
  EXPECT_FALSE(answer.headers.contains("strict-transport-security"));
}

// ---- Changing -----------------------------------------------------------------------------------

TEST(RestServer, PatchesTheConfigUnderItsRevision) {
  Api api;
  EXPECT_EQ(text(api.ask("PATCH", "/config", R"({"loop_wait":5})")),
            R"(200 {"ttl": 30, "loop_wait": 5})");
  EXPECT_EQ(api.node.configs, std::vector<std::string>{R"({"ttl":30,"loop_wait":5})"});
  EXPECT_EQ(api.node.config_guards.at(0), Revision{50});
  EXPECT_EQ(api.node.wakes, 1);
}

TEST(RestServer, WritesNothingWhenNothingChanges) {
  Api api;
  EXPECT_EQ(text(api.ask("PATCH", "/config", R"({"ttl":"30"})")), R"(200 {"ttl": 30})");
  EXPECT_EQ(text(api.ask("PUT", "/config", R"({"ttl":30})")), R"(200 {"ttl": 30})");
  EXPECT_TRUE(api.node.configs.empty());
}

TEST(RestServer, ReportsLostRacesAndSilentStores) {
  Api api;
  api.node.write_ends.how = WriteEnded::How::Refused;
  EXPECT_EQ(api.ask("PATCH", "/config", R"({"loop_wait":5})").status, 409);
  api.node.write_ends.how = WriteEnded::How::Unknown;
  EXPECT_EQ(api.ask("PATCH", "/config", R"({"loop_wait":5})").status, 503);
  EXPECT_EQ(api.ask("PUT", "/config", R"({"loop_wait":5})").status, 502);
  api.node.present.cluster->config.reset();
  EXPECT_EQ(api.ask("PATCH", "/config", R"({"loop_wait":5})").status, 503);
}

TEST(RestServer, WantsBodiesWhereTheyAreNeeded) {
  Api api;
  RawClient client(api.loop, api.server.port());
  client.say("PATCH /config HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.hear_all().starts_with("HTTP/1.0 411 "));
  EXPECT_EQ(api.ask("PATCH", "/config", "").status, 400);
  EXPECT_EQ(api.ask("PATCH", "/config", "{}").status, 400);
  EXPECT_EQ(api.ask("POST", "/switchover", "[]").status, 400);
}

TEST(RestServer, ReloadsAndIgnoresSigterm) {
  Api api;
  EXPECT_EQ(text(api.ask("POST", "/reload")), "202 reload scheduled");
  EXPECT_EQ(api.node.reloads, 1);
  EXPECT_EQ(text(api.ask("POST", "/sigterm")), "202 shutdown scheduled");
}

TEST(RestServer, RestartsAndTellsHowItEnded) {
  Api api;
  EXPECT_EQ(text(api.ask("POST", "/restart", R"({"timeout":"3s"})")), "200 restarted successfully");
  EXPECT_EQ(api.node.restart_timeout, 3000ms);
  api.node.restart_ends = {false, ""};
  EXPECT_EQ(text(api.ask("POST", "/restart")), "503 restart failed");
  api.node.restart_ends = {false, "postgres is still starting"};
  EXPECT_EQ(text(api.ask("POST", "/restart")), "503 postgres is still starting");
  EXPECT_EQ(text(api.ask("POST", "/restart", R"({"role":"replica"})")),
            "503 restart conditions are not satisfied");
  EXPECT_EQ(text(api.ask("DELETE", "/restart")), "404 no restarts are scheduled");
}

TEST(RestServer, SchedulesOneRestartAtATime) {
  Api api;
  const std::string order = R"({"schedule":"2099-01-01T00:00:00+00:00"})";
  EXPECT_EQ(text(api.ask("POST", "/restart", order)), "202 Restart scheduled");
  EXPECT_EQ(text(api.ask("POST", "/restart", order)), "409 Another restart is already scheduled");
  EXPECT_EQ(text(api.ask("DELETE", "/restart")), "200 scheduled restart deleted");
  EXPECT_EQ(text(api.ask("DELETE", "/restart")), "404 no restarts are scheduled");
}

TEST(RestServer, AnswersHealthChecksWhileARestartIsUnderWay) {
  Api api;
  api.node.answers_restart = false;
  HttpRequest request;
  request.method = "POST";
  request.url = api.url("/restart");
  const auto restart = api.begin(std::move(request));
  api.run_until([&] { return !api.node.waiting_restarts.empty(); });
  EXPECT_EQ(api.get("/primary").status, 200);
  api.node.waiting_restarts.at(0)(true, "");
  EXPECT_EQ(text(api.end(restart)), "200 restarted successfully");
}

TEST(RestServer, SwitchesOverAndFollowsTheOutcome) {
  Api api;
  api.node.on_write_failover = [&] {
    api.node.present.cluster->revision = Revision{201};
    api.node.present.cluster->leader->name = "b";
  };
  EXPECT_EQ(text(api.ask("POST", "/switchover", R"({"leader":"a","candidate":"b"})")),
            "200 Successfully switched over to \"b\"");
  ASSERT_EQ(api.node.requests.size(), 1U);
  EXPECT_EQ(api.node.requests[0].leader, "a");
  EXPECT_EQ(api.node.requests[0].candidate, "b");
  EXPECT_TRUE(api.peers.asked.contains("b"));
  EXPECT_FALSE(api.peers.asked.contains("a"));
}

TEST(RestServer, WaitsForThePictureThatShowsTheRequest) {
  Api api;
  const auto old_picture = api.node.present.cluster;
  HttpRequest request;
  request.method = "POST";
  request.url = api.url("/switchover");
  request.body = R"({"leader":"a"})";
  const auto answer = api.begin(std::move(request));
  api.run_until([&] { return !api.node.requests.empty(); });
  EXPECT_FALSE(answer->has_value()) << "no key in an old picture is no failure";
  api.node.present.cluster->revision = Revision{300};
  EXPECT_EQ(text(api.end(answer)), "503 Switchover failed");
}

TEST(RestServer, RefusesSwitchoversThatCannotWork) {
  Api api;
  EXPECT_EQ(text(api.ask("POST", "/switchover", R"({"leader":"z"})")),
            "412 leader name does not match");
  api.peers.answer.nofailover = true;
  EXPECT_EQ(text(api.ask("POST", "/switchover", R"({"leader":"a"})")),
            "412 switchover is not possible: no good candidates have been found");
  EXPECT_EQ(text(api.ask("POST", "/failover", R"({"candidate":"b"})")),
            "412 failover is not possible: no good candidates have been found");
  EXPECT_TRUE(api.node.requests.empty());
  api.peers.answer.nofailover = false;
  api.node.write_ends.how = WriteEnded::How::Unknown;
  EXPECT_EQ(text(api.ask("POST", "/switchover", R"({"leader":"a"})")),
            "503 failed to write failover key into DCS");
}

TEST(RestServer, SchedulesAndDeletesSwitchovers) {
  Api api;
  EXPECT_EQ(text(api.ask("DELETE", "/switchover")), "404 no switchover is scheduled");
  EXPECT_EQ(text(api.ask("POST", "/switchover",
                         R"({"leader":"a","scheduled_at":"2026-08-01T00:00:00+00:00"})")),
            "202 Switchover scheduled");
  api.node.present.cluster->failover = api.node.requests.at(0);
  api.node.present.cluster->failover->mod_revision = Revision{77};
  EXPECT_EQ(text(api.ask("DELETE", "/switchover")), "200 scheduled switchover deleted");
  EXPECT_EQ(api.node.cleared, std::vector<Revision>{Revision{77}});
  api.node.write_ends.how = WriteEnded::How::Refused;
  EXPECT_EQ(api.ask("DELETE", "/switchover").status, 409);
}

TEST(RestServer, ReinitializesAsAsked) {
  Api api;
  EXPECT_EQ(text(api.ask("POST", "/reinitialize")), "503 I am the leader, can not reinitialize");
  api.node.present = a_standby();
  EXPECT_EQ(text(api.ask("POST", "/reinitialize", R"({"force":true})")),
            "200 reinitialize started");
  EXPECT_EQ(api.node.reinitialized, std::pair(true, false));
  EXPECT_EQ(api.ask("POST", "/reinitialize", "[").status, 400);
}

TEST(RestServer, NeverAcceptsAFailsafePingThatItCannotHonour) {
  Api api;
  const std::string ping = R"({"name":"a","conn_url":"x","api_url":"http://a/"})";
  EXPECT_EQ(api.ask("POST", "/failsafe", ping).status, 502);
  EXPECT_EQ(api.get("/failsafe").status, 502);
  api.node.present.settings.failsafe_mode = true;
  api.node.present.cluster.reset();
  EXPECT_EQ(api.get("/failsafe").status, 502) << "never read";
  api.node.present.failsafe_members.emplace()["a"] = "http://a/patroni";
  EXPECT_EQ(text(api.get("/failsafe")), R"(200 {"a": "http://a/patroni"})") << "without the store";
  EXPECT_EQ(text(api.ask("POST", "/failsafe", ping)), "500 Running as a leader");
  api.node.present = a_standby();
  api.node.present.settings.failsafe_mode = true;
  EXPECT_EQ(text(api.ask("POST", "/failsafe", ping)), "500 Running as a leader");
  api.node.accepts_failsafe = true;
  const HttpAnswer accepted = api.ask("POST", "/failsafe", ping);
  EXPECT_EQ(text(accepted), "200 Accepted");
  EXPECT_EQ(accepted.headers.at("lsn"), "1000");
}

// ---- Access -------------------------------------------------------------------------------------

Credentials admin(const std::string& password) {
  return {.username = "admin", .password = password, .options = {}};
}

TEST(RestServer, WantsThePasswordForChangesOnly) {
  RestConfig config;
  config.authentication = admin("secret");
  Api api(config);
  EXPECT_EQ(api.get("/primary").status, 200);
  const HttpAnswer missing = api.ask("POST", "/reload");
  EXPECT_EQ(text(missing), "401 no auth header received");
  EXPECT_EQ(missing.headers.at("www-authenticate"), "Basic realm=\"Patroni\"");
  EXPECT_EQ(text(api.ask("POST", "/reload", "", admin("wrong"))), "401 not authenticated");
  EXPECT_EQ(api.node.reloads, 0);
  EXPECT_EQ(api.ask("POST", "/reload", "", admin("secret")).status, 202);
}

TEST(RestServer, TakesChangesFromListedAddressesOnly) {
  RestConfig config;
  config.allowlist = {"10.0.0.0/8"};
  Api api(config);
  EXPECT_EQ(text(api.ask("POST", "/reload")), "403 Access is denied");
  EXPECT_EQ(api.get("/primary").status, 200);
  config.allowlist.emplace_back("127.0.0.0/8");
  api.server.reconfigure(Api::on_loopback(config));
  EXPECT_EQ(api.ask("POST", "/reload").status, 202);
}

TEST(RestServer, TakesChangesFromMembersWhenTheyAreIncluded) {
  RestConfig config;
  config.allowlist_include_members = true;
  Api api(config);
  EXPECT_EQ(api.ask("POST", "/reload").status, 202) << "a member's api_url is on 127.0.0.1";
  for (auto& [name, member] : api.node.present.cluster->members.edit()) {
    member.api_url = "http://10.0.0.9:8008/patroni";
  }
  EXPECT_EQ(api.ask("POST", "/reload").status, 403);
}

// ---- Transport ----------------------------------------------------------------------------------

TEST(RestServer, ServesSeveralRequestsOnOneConnection) {
  Api api;
  RawClient client(api.loop, api.server.port());
  client.say(
      "GET /primary HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /replica HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string heard = client.hear_all();
  std::vector<std::string> codes;
  for (std::size_t at = heard.find("HTTP/1.1 "); at != std::string::npos;
       at = heard.find("HTTP/1.1 ", at + 1)) {
    codes.push_back(heard.substr(at + 9, 3));
  }
  EXPECT_EQ(codes, (std::vector<std::string>{"200", "200", "503"}));
}

TEST(RestServer, ClosesAfterAnHttp10Request) {
  Api api;
  RawClient client(api.loop, api.server.port());
  client.say("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.hear_all().starts_with("HTTP/1.0 200 OK\r\n"));
}

TEST(RestServer, SurvivesGarbage) {
  Api api;
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8), std::string("nonsense\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET /\r\n\r\n"),
        std::string("POST /config HTTP/1.1\r\nContent-Length: -5\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nBad Header\r\n\r\n"), std::string(5, '\0')}) {
    RawClient client(api.loop, api.server.port());
    client.say(garbage);
    client.say_no_more();
    const std::string heard = client.hear_all();
    EXPECT_TRUE(heard.empty() || heard.starts_with("HTTP/1.1 400 ")) << heard;
  }
  EXPECT_EQ(api.get("/primary").status, 200);
}

TEST(RestServer, RefusesHeadersAndBodiesWithoutEnd) {
  Api api;
  RawClient headers(api.loop, api.server.port());
  headers.say("GET / HTTP/1.1\r\nX: " + std::string(20000, 'x'));
  EXPECT_TRUE(headers.hear_all().starts_with("HTTP/1.1 431 "));
  RawClient body(api.loop, api.server.port());
  body.say("PATCH /config HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{");
  EXPECT_TRUE(body.hear_all().starts_with("HTTP/1.1 413 "));
}

TEST(RestServer, InvitesBodiesThatWaitForIt) {
  Api api;
  RawClient client(api.loop, api.server.port());
  client.say(
      "POST /restart HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n"
      "Expect: 100-continue\r\n\r\n");
  while (api.loop.poll() > 0) {
  }
  client.say("{}");
  const std::string heard = client.hear_all();
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << heard;
}

TEST(RestServer, ClosesConnectionsThatStaySilent) {
  RestLimits limits;
  limits.silence_max = 20ms;
  Api api({}, limits);
  RawClient silent(api.loop, api.server.port());
  EXPECT_EQ(silent.hear_all(), "");
  RawClient slow(api.loop, api.server.port());
  slow.say("GET /primary HT");
  EXPECT_EQ(slow.hear_all(), "");
}

TEST(RestServer, MakesRoomByClosingWhoeverHasBeenSilentLongest) {
  RestLimits limits;
  limits.connections_max = 3;
  Api api({}, limits);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 3; ++i) {
    idle.push_back(std::make_unique<RawClient>(api.loop, api.server.port()));
    api.run_until([&] { return api.server.connection_count() == idle.size(); });
  }
  EXPECT_EQ(api.get("/primary").status, 200);
  EXPECT_EQ(idle[0]->hear_all(), "");
  EXPECT_LE(api.server.connection_count(), 3U);
}

TEST(RestServer, SaysWhichAddressItCannotHave) {
  Api api;
  RestConfig taken;
  taken.listen = {.host = "127.0.0.1", .port = api.server.port()};
  try {
    const RestServer second(api.loop.get_executor(), taken, api.node, api.peers);
    FAIL() << "expected an exception";
  } catch (const std::runtime_error& error) {
    const std::string said = error.what();
    EXPECT_NE(said.find("127.0.0.1"), std::string::npos) << said;
    EXPECT_NE(said.find(std::to_string(taken.listen.port)), std::string::npos) << said;
  }
}

TEST(RestServer, ListensOnAllAddressesWhenNoneIsNamed) {
  Api api;
  RestConfig everywhere;
  everywhere.listen = {.host = "*", .port = 0};
  RestServer server(api.loop.get_executor(), everywhere, api.node, api.peers);
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/primary";
  EXPECT_EQ(api.end(api.begin(std::move(request))).status, 200);
}

TEST(RestServer, KeepsItsOldConfigurationWhenTheNewOneCannotBeUsed) {
  Api api;
  RestConfig broken = Api::on_loopback({});
  broken.certfile = "/nonexistent.pem";
  EXPECT_THROW(api.server.reconfigure(broken), std::runtime_error);
  EXPECT_EQ(api.get("/primary").status, 200);
}

TEST(RestServer, LeavesTheNodeAloneOnceStopped) {
  Api api;
  api.node.answers_restart = false;
  HttpRequest request;
  request.method = "POST";
  request.url = api.url("/restart");
  const auto answer = api.begin(std::move(request));
  api.run_until([&] { return !api.node.waiting_restarts.empty(); });
  api.server.stop();
  api.node.waiting_restarts.at(0)(true, "");
  api.run_until([&] { return answer->has_value(); });
  EXPECT_FALSE(**answer);
  api.run_until([&] { return api.server.connection_count() == 0; });
  EXPECT_EQ(api.server.connection_count(), 0U);
}

}  // namespace
}  // namespace pgherd::test
