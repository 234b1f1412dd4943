#include "codec/router_config.h"

#include <algorithm>

#include "codec/config.h"
#include "codec/config_keys.h"
#include "codec/config_sections.h"
#include "codec/config_sources.h"
#include "codec/parse_units.h"

namespace pgherd {
namespace {

constexpr std::uint16_t kWritePort = 5432;
constexpr std::uint16_t kReadPort = 5433;
constexpr std::uint16_t kStatisticsPort = 8080;

// "30", "30s", "500ms": bare numbers are seconds, as in the rest of the file.
std::optional<Milliseconds> read_time(const Section& section, std::string_view key,
                                      Milliseconds lowest, Milliseconds highest) {
  const auto text = section.text(key);
  if (!text) return std::nullopt;
  const auto time = parse_duration(*text, 1s);
  if (!time || *time < lowest || *time > highest) {
    section.refuse(key, "a time from " + std::to_string(lowest.count()) + " ms to " +
                            std::to_string(highest / 1s) + " s (30, 30s, 500ms, 5min)");
  }
  return std::chrono::duration_cast<Milliseconds>(*time);
}

void read_time_over(Milliseconds& value, const Section& section, std::string_view key,
                    Milliseconds lowest, Milliseconds highest) {
  if (const auto read = read_time(section, key, lowest, highest)) value = *read;
}

std::optional<std::uint64_t> read_bytes(const Section& section, std::string_view key) {
  const auto text = section.text(key);
  if (!text) return std::nullopt;
  const auto bytes = parse_memory(*text);
  if (!bytes || *bytes < 0) section.refuse(key, "a number of bytes (16777216, 16MB, 1GB)");
  return static_cast<std::uint64_t>(*bytes);
}

std::size_t read_count(const Section& section, std::string_view key, std::size_t otherwise) {
  return static_cast<std::size_t>(
      section.integer_or(key, static_cast<std::int64_t>(otherwise), 1, 1000000));
}

RoutingSettings read_routing(const Section& router) {
  RoutingSettings settings;
  read_time_over(settings.hold_max, router, "hold", 0ms, 1h);
  read_time_over(settings.view_age_max, router, "store_silence", 1s, 24h);
  if (router.one_of("store_silent", "keep_primary", "keep_primary, hold") == "hold") {
    settings.when_sight_is_lost = LostSight::Hold;
  }
  settings.lag_bytes_max = read_bytes(router, "max_lag");
  settings.lag_time_max = read_time(router, "max_lag_time", 1ms, 24h);
  settings.reads_fall_back_to_primary = router.flag("fall_back_to_primary").value_or(false);
  settings.keeps_promoted = router.flag("keep_promoted").value_or(true);
  return settings;
}

RouterLimits read_limits(const Section& router) {
  RouterLimits limits;
  limits.sessions_max = read_count(router, "max_connections", limits.sessions_max);
  limits.held_max = read_count(router, "max_held", limits.held_max);
  read_time_over(limits.startup_max, router, "startup_timeout", 100ms, 1h);
  read_time_over(limits.connect_max, router, "connect_timeout", 10ms, 1min);
  read_time_over(limits.unacknowledged_max, router, "dead_peer_timeout", 1s, 1h);
  read_time_over(limits.drain_max, router, "drain_timeout", 0ms, 24h);
  read_time_over(limits.rest_max, router, "switchover_grace", 0ms, 4s);
  return limits;
}

void read_statistics(const Section& statistics, RouterConfig& config) {
  if (!statistics.exists()) return;
  config.statistics_listen = statistics.address("listen", kStatisticsPort);
  if (!config.statistics_listen) statistics.refuse_missing("listen");
  if (!statistics.has("username") && !statistics.has("password")) return;
  config.statistics_login = Credentials{.username = statistics.required_text("username"),
                                        .password = statistics.required_text("password")};
}

std::optional<MoveConfig> read_move_sessions(const Section& section) {
  if (!section.exists()) return std::nullopt;
  MoveConfig config;
  config.login = Credentials{.username = section.required_text("username"),
                             .password = section.required_text("password")};
  config.database = section.text_or("database", config.database);
  config.query = section.text_or("query", config.query);
  if (config.query.find("$1") == std::string::npos) {
    section.refuse("query", "a query in which $1 stands for the name of a role");
  }
  return config;
}

// A misspelt key would leave the router with a default that nobody asked for.
void refuse_unknown_keys(const Section& section, std::string_view path,
                         const std::vector<std::string>& known) {
  if (!section.exists()) return;
  for (const auto& [key, value] : section.node()->children) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string nearest = nearest_of(key, known);
    throw ConfigError(
        value.origin + ": there is no key " + section.path_of(key) +
        (nearest.empty() ? "" : "; did you mean " + std::string(path) + "." + nearest + "?"));
  }
}

void look_for_unknown_keys(const YamlNode& root, const Section& router,
                           LoadedRouterConfig& loaded) {
  refuse_unknown_keys(router, "router",
                      {"write",
                       "read",
                       "statistics",
                       "threads",
                       "hold",
                       "max_lag",
                       "max_lag_time",
                       "fall_back_to_primary",
                       "keep_promoted",
                       "store_silence",
                       "store_silent",
                       "max_connections",
                       "max_held",
                       "startup_timeout",
                       "connect_timeout",
                       "dead_peer_timeout",
                       "drain_timeout",
                       "tls",
                       "move_sessions",
                       "name",
                       "switchover_grace"});
  refuse_unknown_keys(router.section("statistics"), "router.statistics",
                      {"listen", "username", "password"});
  refuse_unknown_keys(router.section("move_sessions"), "router.move_sessions",
                      {"username", "password", "database", "query"});
  for (const UnknownKey& key : unknown_keys_of(root)) {
    const std::string hint = key.nearest.empty() ? "" : "; did you mean " + key.nearest + "?";
    loaded.warnings.push_back(key.origin + ": the unknown key " + key.path + " is ignored" + hint);
  }
}

}  // namespace

LoadedRouterConfig load_router_config(const std::string& path,
                                      const std::map<std::string, std::string>& environment) {
  const ConfigSources sources = read_config_sources(path, environment);
  const Section root(&sources.root, "", sources.name);
  LoadedRouterConfig loaded;
  look_for_unknown_keys(sources.root, root.named_section("router"), loaded);
  const ReadingContext context{.use = ConfigUse::Agent, .warnings = loaded.warnings};
  RouterConfig& config = loaded.config;
  config.scope = root.required_text("scope");
  if (config.scope.find('/') != std::string::npos) root.refuse("scope", "a word without /");
  config.name_space = read_namespace(root, config.name_space);
  config.log = read_log(root.section("log"), context);
  config.etcd = read_etcd(root, context);
  const Section router = root.named_section("router");
  config.write_listen = router.address("write", kWritePort);
  config.read_listen = router.address("read", kReadPort);
  if (!config.write_listen && !config.read_listen) {
    throw ConfigError(sources.name +
                      ": neither router.write nor router.read is there; set at least one of them "
                      "to the address and port at which clients connect (0.0.0.0:5432)");
  }
  read_statistics(router.section("statistics"), config);
  config.threads = static_cast<int>(router.integer_or("threads", 0, 0, 256));
  config.tls = router.one_of("tls", "passthrough", "passthrough, refuse") == "refuse"
                   ? TlsPolicy::Refuse
                   : TlsPolicy::Passthrough;
  config.name = router.text_or("name", "");
  if (config.name.find('/') != std::string::npos) router.refuse("name", "a word without /");
  config.routing = read_routing(router);
  config.limits = read_limits(router);
  config.move_sessions = read_move_sessions(router.section("move_sessions"));
  return loaded;
}

}  // namespace pgherd
