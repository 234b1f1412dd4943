#include "codec/router_config.h"

#include <gtest/gtest.h>

#include "codec/config.h"

namespace pgherd {
namespace {

LoadedRouterConfig load(const std::string& text) {
  return load_router_config("", {{"PATRONI_CONFIGURATION", text}});
}
RouterConfig config_with(const std::string& keys) {
  return load("scope: main\netcd3: {host: 'etcd:2379'}\nrouter:\n  write: ':5432'\n" + keys).config;
}
std::string problem_of(const std::string& text) {
  try {
    (void)load(text);
  } catch (const ConfigError& problem) {
    return problem.what();
  }
  return "no problem";
}
std::string problem_with(const std::string& key) {
  return problem_of("scope: main\netcd3: {host: 'etcd:2379'}\nrouter:\n  write: ':5432'\n  " + key +
                    "\n");
}
bool has(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

TEST(RouterConfig, IsShort) {
  const auto loaded = load(
      "scope: main\n"
      "namespace: /service/\n"
      "etcd3: {hosts: ['a:2379', 'b:2379']}\n"
      "router: {write: '0.0.0.0:5432', read: '0.0.0.0:5433', statistics: {listen: '*:8080'}}\n");
  const RouterConfig& config = loaded.config;
  EXPECT_EQ(config.scope, "main");
  EXPECT_EQ(config.name_space, "service");
  EXPECT_EQ(config.etcd.endpoints, (std::vector<std::string>{"a:2379", "b:2379"}));
  EXPECT_EQ(config.write_listen, (ListenAddress{.host = "0.0.0.0", .port = 5432}));
  EXPECT_EQ(config.read_listen, (ListenAddress{.host = "0.0.0.0", .port = 5433}));
  EXPECT_EQ(config.statistics_listen, (ListenAddress{.host = "*", .port = 8080}));
  EXPECT_FALSE(config.statistics_login);
  EXPECT_EQ(config.routing, RoutingSettings{});
  EXPECT_EQ(config.limits, RouterLimits{});
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST(RouterConfig, ReadsEveryKey) {
  const RouterConfig config = config_with(
      "  read: 'h:7000'\n"
      "  statistics: {listen: 'h:1', username: u, password: p}\n"
      "  threads: 3\n  hold: 500ms\n  max_lag: 16MB\n  max_lag_time: 1min\n"
      "  fall_back_to_primary: on\n  keep_promoted: off\n  store_silence: 20\n"
      "  store_silent: hold\n  max_connections: 7\n  max_held: 6\n  startup_timeout: 5\n"
      "  connect_timeout: 1s\n  dead_peer_timeout: 4s\n  drain_timeout: 0\n  tls: refuse\n"
      "  name: r1\n  switchover_grace: 3\n");
  EXPECT_EQ(config.name, "r1");
  EXPECT_EQ(config.read_listen, (ListenAddress{.host = "h", .port = 7000}));
  EXPECT_EQ(config.statistics_login, (Credentials{.username = "u", .password = "p"}));
  EXPECT_EQ(config.threads, 3);
  EXPECT_EQ(config.tls, TlsPolicy::Refuse);
  EXPECT_EQ(config.routing, (RoutingSettings{.hold_max = 500ms,
                                             .view_age_max = 20s,
                                             .when_sight_is_lost = LostSight::Hold,
                                             .lag_bytes_max = 16777216,
                                             .lag_time_max = 60s,
                                             .reads_fall_back_to_primary = true,
                                             .keeps_promoted = false}));
  EXPECT_EQ(config.limits, (RouterLimits{.sessions_max = 7,
                                         .held_max = 6,
                                         .startup_max = 5s,
                                         .connect_max = 1s,
                                         .unacknowledged_max = 4s,
                                         .drain_max = 0s,
                                         .rest_max = 3s}));
}

TEST(RouterConfig, ReadsWithWhichLoginSessionsAreMoved) {
  EXPECT_FALSE(config_with("").move_sessions);
  const MoveConfig config =
      config_with("  move_sessions: {username: u, password: p}\n").move_sessions.value();
  EXPECT_EQ(config.login, (Credentials{.username = "u", .password = "p"}));
  EXPECT_EQ(config.database, "postgres");
  EXPECT_EQ(
      config_with("  move_sessions: {username: u, password: p, database: d, query: 'f($1)'}\n")
          .move_sessions,
      (MoveConfig{.login = {.username = "u", .password = "p"}, .database = "d", .query = "f($1)"}));
  EXPECT_TRUE(has(problem_with("move_sessions: {username: u}"), "password"));
  EXPECT_TRUE(has(problem_with("move_sessions: {username: u, password: p, query: select}"), "$1"));
  EXPECT_TRUE(has(problem_with("move_sessions: {usernam: u}"), "move_sessions.username"));
}

// One that is started by variables alone still has to be told where to listen.
TEST(RouterConfig, TakesTheVariablesThatAnAgentTakes) {
  try {
    (void)load_router_config("", {{"PATRONI_SCOPE", "main"}, {"PATRONI_ETCD3_HOSTS", "a:2379"}});
    FAIL();
  } catch (const ConfigError& problem) {
    EXPECT_TRUE(has(problem.what(), "neither router.write nor router.read is there"));
  }
}

TEST(RouterConfig, NamesWhatIsMissing) {
  EXPECT_TRUE(has(problem_of("etcd3: {host: a}\nrouter: {write: ':1'}\n"), "scope is missing"));
  EXPECT_TRUE(has(problem_of("scope: x\nrouter: {write: ':1'}\n"), "etcd3.hosts is missing"));
  EXPECT_TRUE(has(problem_of("scope: x\netcd3: {host: a}\n"),
                  "neither router.write nor router.read is there"));
  EXPECT_TRUE(
      has(problem_with("statistics: {username: u}"), "router.statistics.listen is missing"));
  EXPECT_TRUE(has(problem_with("statistics: {listen: ':1', username: u}"),
                  "router.statistics.password is missing"));
}

TEST(RouterConfig, SaysWhichValueStandsWhereAndWhatIsAllowed) {
  EXPECT_TRUE(has(problem_with("hold: soon"),
                  "5: router.hold is 'soon'; allowed is a time from 0 ms to 3600 s"));
  EXPECT_TRUE(has(problem_with("max_lag: -1"), "allowed is a number of bytes"));
  EXPECT_TRUE(has(problem_with("threads: 1000"), "allowed is a whole number from 0 to 256"));
  EXPECT_TRUE(has(problem_with("tls: maybe"), "allowed is one of passthrough, refuse"));
  EXPECT_TRUE(has(problem_with("store_silent: x"), "allowed is one of keep_primary, hold"));
  EXPECT_TRUE(has(problem_with("read: 5433"), "allowed is host:port"));
  EXPECT_TRUE(has(problem_with("max_connections: 0"), "from 1 to 1000000"));
  EXPECT_TRUE(has(problem_with("statistics: on"), "allowed is a section"));
}

// A misspelt limit would be no limit.
TEST(RouterConfig, RefusesKeysThatThereAreNot) {
  EXPECT_TRUE(has(problem_with("max_lagg: 1MB"),
                  "5: there is no key router.max_lagg; did you mean router.max_lag?"));
  EXPECT_TRUE(has(problem_with("statistics: {listen: ':1', user: u}"),
                  "there is no key router.statistics.user"));
}

TEST(RouterConfig, MayStandInTheFileOfAnAgent) {
  const auto loaded = load(
      "scope: main\nname: a\netcd3: {host: 'etcd:2379'}\nrouter: {write: ':5432'}\n"
      "postgresql: {listen: ':1', data_dir: /d}\nrestapi: {listen: ':8008'}\nodd: 1\n");
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_TRUE(has(loaded.warnings[0], "the unknown key odd is ignored"));
}

}  // namespace
}  // namespace pgherd
