#include "codec/config_sections.h"

#include <tuple>

#include "codec/config_methods.h"
#include "codec/json_reading.h"
#include "codec/shell_words.h"
#include "codec/tags.h"

namespace pgherd {
namespace {

constexpr std::uint16_t kEtcdPort = 2379;

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
  const auto port = static_cast<std::uint16_t>(etcd.integer_or("port", kEtcdPort));
  for (std::string_view host : etcd.comma_list(key)) {
    if (host.starts_with("https://")) config.use_tls = true;
    if (const std::size_t scheme = host.find("://"); scheme != std::string_view::npos) {
      host.remove_prefix(scheme + 3);
      host = host.substr(0, host.find('/'));
    }
    const std::optional<ListenAddress> address = parse_address(host, port);
    if (!address || address->host.empty()) etcd.refuse(key, "host:port, several between commas");
    config.endpoints.push_back(to_string(*address));
  }
}

// One key with three names, of which the last counts, as in Patroni. With `proxy` it does not
// count.
void read_etcd_srv(const Section& etcd, EtcdConfig& config) {
  if (etcd.has("proxy")) return;
  for (const char* key : {"srv", "discovery_srv", "srv_domain"}) {
    std::string domain = etcd.text_or(key, "");
    while (domain.ends_with('.'))
      domain.pop_back();
    if (domain.find_first_of("/: ") != std::string::npos)
      etcd.refuse(key, "a domain, as in example.com: its SRV records name the members of etcd");
    if (!domain.empty()) config.srv = domain;
  }
  config.srv_suffix = etcd.text_or("srv_suffix", "");
}

// The store's section: etcd3, or etcd, which older files say.
Section etcd_section(const Section& root, ReadingContext context) {
  if (root.has("etcd3")) {
    if (root.has("etcd")) context.warnings.push_back("the section etcd is ignored beside etcd3");
    return root.section("etcd3");
  }
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

}  // namespace

bool is_every_address(const std::string& host) {
  return host.empty() || host == "*" || host == "0.0.0.0" || host == "::";
}

void refuse_every_address(const Section& section, std::string_view key,
                          const ListenAddress& address, ReadingContext context) {
  if (context.use != ConfigUse::Agent || !is_every_address(address.host)) return;
  section.refuse(key,
                 "an address at which the other members and clients reach this node: this one "
                 "leads whoever uses it to itself");
}

EtcdConfig read_etcd(const Section& root, ReadingContext context) {
  const Section etcd = etcd_section(root, context);
  EtcdConfig config;
  config.use_tls = etcd.one_of("protocol", "http") == "https";
  config.use_proxies = etcd.flag("use_proxies").value_or(false);
  config.username = etcd.text_or("username", "");
  config.password = etcd.text_or("password", "");
  config.cacert = etcd.text_or("cacert", "");
  config.cert = etcd.text_or("cert", "");
  config.key = etcd.text_or("key", "");
  read_etcd_srv(etcd, config);
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
  const bool has_some = !config.endpoints.empty() || !config.srv.empty();
  if (!has_some && context.use == ConfigUse::Agent) etcd.refuse_missing("hosts");
  return config;
}

std::optional<BootstrapConfig> read_bootstrap(const Section& bootstrap, ReadingContext context) {
  if (!bootstrap.exists()) return std::nullopt;
  BootstrapConfig config;
  if (const Section dcs = bootstrap.section("dcs"); dcs.exists()) {
    config.dcs_json = write_json(to_json(*dcs.node()));
  }
  config.method = read_bootstrap_method(bootstrap, context.warnings);
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
  for (const char* key : {"post_bootstrap", "post_init"})
    if (!shell_words(bootstrap.text_or(key, "")))
      bootstrap.refuse(key, "a command in which every quote is closed");
  config.post_bootstrap = bootstrap.text_or("post_bootstrap", bootstrap.text_or("post_init", ""));
  return config;
}

// As Patroni: absent means automatic, an unknown word means off, with a warning.
WatchdogConfig read_watchdog(const Section& watchdog, ReadingContext context) {
  WatchdogConfig config;
  if (!watchdog.exists()) return config;
  const std::string said = watchdog.text_or("mode", "automatic");
  const std::string mode = in_lower_case(said);
  // `off` is a boolean to YAML, and templates print it as one: False.
  const bool is_no = parse_bool(mode) == false;
  if (mode == "required" || mode == "require") {
    config.mode = WatchdogMode::Required;
  } else if (mode != "automatic" && mode != "auto") {
    config.mode = WatchdogMode::Off;
    if (!is_no && mode != "disable" && mode != "disabled") {
      context.warnings.push_back(watchdog.path_of("mode") + " is '" + said +
                                 "'; allowed are off, automatic and required. The watchdog is off");
    }
  }
  if (const std::string device = watchdog.text_or("device", ""); !device.empty())
    config.device = device;
  config.driver = watchdog.text_or("driver", "");
  config.safety_margin = Seconds(watchdog.integer_or("safety_margin", 5));
  return config;
}

Tags read_tags(const Section& root, ReadingContext context) {
  const Section tags = root.section("tags");
  if (!tags.exists()) return Tags{};
  for (const char* key : {"failover_priority", "sync_priority"}) {
    const auto number = tags.integer_or(key, 1);
    if (number < 0) {
      context.warnings.push_back(tags.find(key)->origin + ": " + tags.path_of(key) + " is " +
                                 std::to_string(number) +
                                 "; allowed is a whole number from 0 on; it counts as 0");
    }
  }
  for (const char* key : {"nofailover", "nosync", "noloadbalance", "clonefrom", "nostream"}) {
    const auto is_set = tags.flag(key);
    const Json value = tags.has(key) ? to_json(*tags.find(key)) : Json();
    if (is_set == false && value.is_string() && std::string_view(key) != "nostream") {
      context.warnings.push_back(tags.find(key)->origin + ": " + tags.path_of(key) +
                                 " is the text '" + value.get<std::string>() +
                                 "', which counts as false here and as true in Patroni; write it "
                                 "without quotes");
    }
  }
  std::ignore = tags.text("replicatefrom");
  const auto contradict = [&](std::string_view flag, std::string_view priority) {
    if (!tags.has(flag) || !tags.has(priority)) return;
    const std::string said =
        std::string(flag) + (tags.flag(flag).value_or(false) ? ": True" : ": False");
    const auto number = tags.integer_or(priority, 1);
    if (said.ends_with("True") == (number <= 0)) return;
    // Patroni's words, for tools look for them.
    context.warnings.push_back("Conflicting configuration between " + said + " and " +
                               std::string(priority) + ": " + std::to_string(number) +
                               ". Defaulting to " + said);
  };
  contradict("nofailover", "failover_priority");
  contradict("nosync", "sync_priority");
  return decode_tags(write_json(to_json(*tags.node())));
}

}  // namespace pgherd
