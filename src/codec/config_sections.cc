#include "codec/config_sections.h"

#include <limits>
#include <tuple>

#include "codec/json_reading.h"
#include "codec/tags.h"

namespace pgherd {
namespace {

constexpr std::uint16_t kRestPort = 8008;
constexpr std::uint16_t kEtcdPort = 2379;

std::optional<Credentials> read_login(const Section& section) {
  if (!section.has("username") && !section.has("password")) return std::nullopt;
  return Credentials{.username = section.required_text("username"),
                     .password = section.text_or("password", "")};
}

// "https://user:pass@host:port" of `url` and `proxy`.
void read_etcd_url(const Section& etcd, std::string_view key, EtcdConfig& config) {
  std::string_view rest;
  const std::string url = etcd.required_text(key);
  if (url.starts_with("http://")) {
    rest = std::string_view(url).substr(7);
    config.use_tls = false;
  } else if (url.starts_with("https://")) {
    rest = std::string_view(url).substr(8);
    config.use_tls = true;
  } else {
    etcd.refuse(key, "http://host:port or https://host:port");
  }
  rest = rest.substr(0, rest.find('/'));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = rest.substr(0, at);
    const std::size_t colon = user.find(':');
    config.username = user.substr(0, colon);
    if (colon != std::string_view::npos) config.password = user.substr(colon + 1);
    rest = rest.substr(at + 1);
  }
  const std::optional<ListenAddress> address = parse_address(rest, kEtcdPort);
  if (!address || address->host.empty()) etcd.refuse(key, "http://host:port or https://host:port");
  config.endpoints = {to_string(*address)};
}

void read_etcd_hosts(const Section& etcd, std::string_view key, EtcdConfig& config) {
  const auto port = static_cast<std::uint16_t>(etcd.integer_or("port", kEtcdPort, 1, 65535));
  for (std::string_view host : etcd.comma_list(key)) {
    if (host.starts_with("https://")) config.use_tls = true;
    if (const std::size_t scheme = host.find("://"); scheme != std::string_view::npos) {
      host.remove_prefix(scheme + 3);
    }
    const std::optional<ListenAddress> address = parse_address(host, port);
    if (!address || address->host.empty()) etcd.refuse(key, "host:port, several between commas");
    config.endpoints.push_back(to_string(*address));
  }
}

// The store's section: etcd3, or etcd, which older files say.
Section etcd_section(const Section& root, ReadingContext context) {
  if (root.has("etcd3")) return root.section("etcd3");
  if (root.has("etcd")) {
    context.warnings.push_back(
        "the section etcd is read as etcd3: only etcd's v3 interface is spoken; rename it");
    return root.section("etcd");
  }
  for (const char* store : {"consul", "exhibitor", "kubernetes", "raft", "zookeeper"}) {
    if (root.has(store))
      root.refuse(store, "a section etcd3 in its place: no other store is known");
  }
  return root.section("etcd3");
}

bool is_wildcard(const std::string& host) {
  return host.empty() || host == "*" || host == "0.0.0.0" || host == "::";
}

// Where others reach this node: said, or taken from where it listens.
std::string read_connect_address(const Section& section, const ListenAddress& listen,
                                 std::uint16_t default_port, ReadingContext context) {
  if (const auto said = section.address("connect_address", default_port)) {
    return to_string(*said);
  }
  ListenAddress derived = listen;
  derived.host = listen.host.substr(0, listen.host.find(','));
  if (is_wildcard(derived.host)) {
    derived.host = "localhost";
    context.warnings.push_back(section.path_of("connect_address") +
                               " is missing and listen names no single host: other members will "
                               "be told localhost, which they cannot reach");
  }
  return to_string(derived);
}

}  // namespace

LogConfig read_log(const Section& log) {
  LogConfig config;
  config.level = log.one_of("level", config.level,
                            {"DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"});
  config.as_json = log.one_of("type", "plain", {"plain", "json"}) == "json";
  config.dir = log.text_or("dir", "");
  constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
  config.file_size_bytes = static_cast<std::uint64_t>(
      log.integer_or("file_size", static_cast<std::int64_t>(config.file_size_bytes), 1, kMax));
  config.file_num = static_cast<int>(log.integer_or("file_num", config.file_num, 0, 10000));
  return config;
}

EtcdConfig read_etcd(const Section& root, ReadingContext context) {
  const Section etcd = etcd_section(root, context);
  EtcdConfig config;
  config.use_tls = etcd.one_of("protocol", "http", {"http", "https"}) == "https";
  config.use_proxies = etcd.flag("use_proxies").value_or(false);
  config.username = etcd.text_or("username", "");
  config.password = etcd.text_or("password", "");
  config.cacert = etcd.text_or("cacert", "");
  config.cert = etcd.text_or("cert", "");
  config.key = etcd.text_or("key", "");
  const bool has_srv = etcd.has("srv") || etcd.has("discovery_srv") || etcd.has("srv_domain");
  if (etcd.has("proxy")) {
    read_etcd_url(etcd, "proxy", config);
    config.use_proxies = true;
  } else if (etcd.has("url")) {
    read_etcd_url(etcd, "url", config);
  } else if (etcd.has("hosts")) {
    read_etcd_hosts(etcd, "hosts", config);
  } else if (etcd.has("host")) {
    read_etcd_hosts(etcd, "host", config);
  }
  if (has_srv) {
    if (config.endpoints.empty()) {
      etcd.refuse(etcd.has("srv")          ? "srv"
                  : etcd.has("srv_domain") ? "srv_domain"
                                           : "discovery_srv",
                  "etcd3.hosts or etcd3.host in its place: SRV records are not looked up");
    }
    context.warnings.push_back("etcd3.srv is ignored: SRV records are not looked up; " +
                               std::to_string(config.endpoints.size()) + " listed hosts are used");
  }
  if (config.endpoints.empty() && context.use == ConfigUse::Agent) etcd.refuse_missing("hosts");
  return config;
}

RestConfig read_restapi(const Section& restapi, ReadingContext context) {
  RestConfig config;
  const auto listen = restapi.address("listen", kRestPort);
  if (!listen && context.use == ConfigUse::Agent) restapi.refuse_missing("listen");
  if (listen) {
    config.listen = *listen;
    config.connect_address = read_connect_address(restapi, *listen, kRestPort, context);
  }
  config.authentication =
      read_login(restapi.section(restapi.has("authentication") ? "authentication" : "auth"));
  config.certfile = restapi.text_or("certfile", "");
  config.keyfile = restapi.text_or("keyfile", "");
  config.cafile = restapi.text_or("cafile", "");
  config.verify_client = restapi.one_of("verify_client", "none", {"none", "optional", "required"});
  config.http_extra_headers = restapi.text_map("http_extra_headers");
  if (config.verify_client == "required" && config.cafile.empty()) {
    restapi.refuse("verify_client", "required only beside restapi.cafile");
  }
  return config;
}

CtlConfig read_ctl(const Section& ctl, const RestConfig& restapi) {
  CtlConfig config;
  config.authentication = read_login(ctl.section("authentication"));
  if (!config.authentication) config.authentication = restapi.authentication;
  config.insecure = ctl.flag("insecure").value_or(false);
  config.has_classic_table = ctl.one_of("table", "wide", {"classic", "wide"}) == "classic";
  config.cacert = ctl.text_or("cacert", restapi.cafile);
  config.certfile = ctl.text_or("certfile", "");
  config.keyfile = ctl.text_or("keyfile", "");
  return config;
}

std::optional<BootstrapConfig> read_bootstrap(const Section& bootstrap) {
  if (!bootstrap.exists()) return std::nullopt;
  BootstrapConfig config;
  if (const Section dcs = bootstrap.section("dcs"); dcs.exists()) {
    config.dcs_json = write_json(to_json(*dcs.node()));
  }
  config.initdb = bootstrap.options("initdb");
  for (const auto& [option, value] : config.initdb) {
    for (const char* forbidden : {"pgdata", "nosync", "pwfile", "sync-only", "version"}) {
      if (option == forbidden) {
        bootstrap.refuse("initdb",
                         "every option of initdb but pgdata, nosync, pwfile, sync-only, "
                         "version; '" +
                             option + "' is set by the agent or makes no cluster");
      }
    }
  }
  config.pg_hba = bootstrap.lines("pg_hba");
  config.post_bootstrap = bootstrap.text_or("post_bootstrap", bootstrap.text_or("post_init", ""));
  return config;
}

// As Patroni: absent means automatic, an unknown word means off, with a warning.
WatchdogConfig read_watchdog(const Section& watchdog, ReadingContext context) {
  WatchdogConfig config;
  if (!watchdog.exists()) return config;
  const std::string mode = watchdog.text_or("mode", "automatic");
  if (mode == "required" || mode == "require") {
    config.mode = WatchdogMode::Required;
  } else if (mode != "automatic" && mode != "auto") {
    config.mode = WatchdogMode::Off;
    if (mode != "off" && mode != "false" && mode != "disable" && mode != "disabled") {
      context.warnings.push_back(watchdog.path_of("mode") + " is '" + mode +
                                 "'; allowed are off, automatic and required. The watchdog is off");
    }
  }
  config.device = watchdog.text_or("device", config.device);
  config.driver = watchdog.text_or("driver", "");
  constexpr std::int64_t kMarginMax = 86400;
  config.safety_margin = Seconds(watchdog.integer_or("safety_margin", 5, -1, kMarginMax));
  return config;
}

Tags read_tags(const Section& root, ReadingContext context) {
  const Section tags = root.section("tags");
  if (!tags.exists()) return Tags{};
  for (const char* key : {"failover_priority", "sync_priority"}) {
    std::ignore =
        tags.integer_or(key, 1, std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
  }
  for (const char* key : {"nofailover", "nosync", "noloadbalance", "clonefrom", "nostream"}) {
    std::ignore = tags.flag(key);
  }
  const auto contradict = [&](std::string_view flag, std::string_view priority) {
    if (!tags.has(flag) || !tags.has(priority)) return;
    const bool is_excluded = tags.flag(flag).value_or(false);
    if (is_excluded != (tags.integer_or(priority, 1, INT32_MIN, INT32_MAX) <= 0)) {
      context.warnings.push_back(tags.path_of(flag) + " and " + tags.path_of(priority) +
                                 " contradict each other; " + std::string(flag) + " counts");
    }
  };
  contradict("nofailover", "failover_priority");
  contradict("nosync", "sync_priority");
  return decode_tags(write_json(to_json(*tags.node())));
}

}  // namespace pgherd
