#include "local/configs.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "codec/conninfo.h"
#include "local/errors.h"
#include "rest/basic_auth.h"

namespace pgherd::local {

extern const char* const haproxy_template;

namespace {

constexpr const char* kAddress = "127.0.0.1";

// A YAML scalar, whatever is in the text: JSON's quoting is YAML's double quoting.
std::string quoted(const std::string& text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string url(int port) {
  return fmt::format("http://{}:{}", kAddress, port);
}
std::string address(int port) {
  return fmt::format("{}:{}", kAddress, port);
}

std::string rest_authorization(const Secrets& secrets) {
  return basic_authorization({.username = kRestUser, .password = secrets.rest, .options = {}});
}

Part etcd_part(const Herd& herd, const Programs& programs, const PortPlan& ports, int i) {
  const auto at = static_cast<std::size_t>(i);
  Part part;
  part.name = fmt::format("etcd{}", i);
  part.kind = PartKind::Etcd;
  part.data_dir = herd.path(part.name);
  part.log = herd.path("logs/" + part.name + ".log");
  part.ports = {{"client", ports.etcd_client[at]}, {"peer", ports.etcd_peer[at]}};
  std::string members;
  for (int k = 0; k < kEtcdMembers; ++k)
    members += fmt::format("{}etcd{}={}", k == 0 ? "" : ",", k,
                           url(ports.etcd_peer[static_cast<std::size_t>(k)]));
  part.argv = {programs.etcd,
               "--name=" + part.name,
               "--data-dir=" + part.data_dir,
               "--listen-client-urls=" + url(ports.etcd_client[at]),
               "--advertise-client-urls=" + url(ports.etcd_client[at]),
               "--listen-peer-urls=" + url(ports.etcd_peer[at]),
               "--initial-advertise-peer-urls=" + url(ports.etcd_peer[at]),
               "--initial-cluster=" + members,
               "--initial-cluster-token=" + herd.scope + "-" + herd.dir,
               "--auto-compaction-mode=periodic",
               "--auto-compaction-retention=10m",
               "--log-level=warn"};
  return part;
}

Part proxy_part(const Herd& herd, const Programs& programs, const PortPlan& ports) {
  Part part;
  part.name = "proxy";
  part.kind = PartKind::Proxy;
  part.log = herd.path("logs/proxy.log");
  part.ports = {{"listen", ports.etcd}};
  std::string endpoints;
  for (const int port : ports.etcd_client)
    endpoints += (endpoints.empty() ? "" : ",") + address(port);
  // A member that was away is tried again after this, not after etcd's minute.
  part.argv = {programs.etcd,
               "gateway",
               "start",
               "--listen-addr=" + address(ports.etcd),
               "--endpoints=" + endpoints,
               "--retry-delay=2s"};
  return part;
}

Part agent_part(const Herd& herd, const Programs& programs, const PortPlan& ports, int i) {
  const auto at = static_cast<std::size_t>(i);
  Part part;
  part.name = fmt::format("pg{}", i);
  part.kind = PartKind::Agent;
  part.data_dir = herd.path(part.name + "/data");
  part.config = herd.path(part.name + "/agent.yml");
  part.log = herd.path("logs/" + part.name + ".log");
  part.ports = {{"rest", ports.rest[at]}, {"pg", ports.postgresql[at]}};
  part.argv = {programs.pgherd, "agent", part.config};
  return part;
}

// Both serve the same three ports.
Part balancer_part(const Herd& herd, const Programs& programs, const PortPlan& ports,
                   BalancerKind kind) {
  Part part;
  part.ports = {
      {"primary", ports.primary}, {"standbys", ports.standbys}, {"statistics", ports.statistics}};
  if (kind == BalancerKind::Router) {
    part.name = "router";
    part.kind = PartKind::Router;
    part.config = herd.path("router.yml");
    part.argv = {programs.pgherd, "router", part.config};
  } else {
    part.name = "haproxy";
    part.kind = PartKind::Haproxy;
    part.config = herd.path("haproxy.cfg");
    part.argv = {programs.haproxy, "-db", "-f", part.config};
  }
  part.log = herd.path("logs/" + part.name + ".log");
  return part;
}

// Through the proxy first; if it is gone, the members themselves.
std::string etcd_hosts(const Herd& herd) {
  std::string hosts = quoted(address(herd.etcd_port));
  for (const Part& part : herd.parts)
    if (part.kind == PartKind::Etcd) hosts += ", " + quoted(address(part.ports.at("client")));
  return "[" + hosts + "]";
}

std::string dsn(const Herd& herd, int port) {
  return fmt::format("host={} port={} user={} dbname=postgres passfile={}", kAddress, port,
                     kSuperuser, quote_conninfo_value(herd.path("pgpass")));
}

constexpr const char* kAgentConfig = R"(# Made by `pgherd local up`, again on each start.
scope: {scope}
namespace: /service/
name: {name}

log:
  level: INFO
  deduplicate_heartbeat_logs: true

restapi:
  listen: {rest}
  connect_address: {rest}
  authentication:
    username: {rest_user}
    password: {rest_password}

etcd3:
  hosts: {etcd_hosts}

bootstrap:
  dcs:
    ttl: {ttl}
    loop_wait: {loop_wait}
    retry_timeout: {retry_timeout}
    maximum_lag_on_failover: 1048576
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters:
        shared_buffers: 64MB
        max_connections: 100
        max_wal_senders: 20
        max_replication_slots: 20
        wal_level: replica
        wal_log_hints: "on"
        wal_keep_size: 256MB
        max_wal_size: 512MB
        wal_retrieve_retry_interval: 500ms
        hot_standby_feedback: "on"
        password_encryption: scram-sha-256
  initdb:
  - encoding: UTF8
  - locale: C.UTF-8
  - auth-local: scram-sha-256
  - auth-host: scram-sha-256
  - data-checksums

postgresql:
  listen: {pg}
  connect_address: {pg}
  data_dir: {data_dir}
  bin_dir: {bin_dir}
  pgpass: {pgpass}
  authentication:
    superuser:
      username: {superuser}
      password: {superuser_password}
    replication:
      username: {replication_user}
      password: {replication_password}
    rewind:
      username: {rewind_user}
      password: {rewind_password}
  parameters:
    unix_socket_directories: ""
    logging_collector: "on"
    log_directory: {log_dir}
    log_filename: {log_file}
    log_rotation_age: 0
    log_file_mode: "0640"
  pg_hba:
  - local all all scram-sha-256
  - host all all 127.0.0.1/32 scram-sha-256
  - host all all ::1/128 scram-sha-256
  - host replication all 127.0.0.1/32 scram-sha-256
  - host replication all ::1/128 scram-sha-256
)";

}  // namespace

Herd plan_herd(const std::string& dir, const HerdOptions& options, const Programs& programs,
               const PortPlan& ports) {
  Herd herd;
  herd.dir = dir;
  herd.pg_bindir = programs.pg_bindir;
  herd.ttl = options.ttl;
  herd.loop_wait = options.loop_wait;
  herd.retry_timeout = options.retry_timeout;
  herd.primary_port = ports.primary;
  herd.standby_port = ports.standbys;
  herd.statistics_port = ports.statistics;
  herd.etcd_port = ports.etcd;
  for (int i = 0; i < kEtcdMembers; ++i)
    herd.parts.push_back(etcd_part(herd, programs, ports, i));
  herd.parts.push_back(proxy_part(herd, programs, ports));
  for (int i = 0; i < options.nodes; ++i)
    herd.parts.push_back(agent_part(herd, programs, ports, i));
  herd.parts.push_back(
      balancer_part(herd, programs, ports, options.balancer.value_or(BalancerKind::Haproxy)));
  return herd;
}

std::string agent_config(const Herd& herd, const Part& part, const Secrets& secrets) {
  using fmt::arg;
  const std::string rest = quoted(address(part.ports.at("rest")));
  const std::string pg = quoted(address(part.ports.at("pg")));
  const std::string pgpass_path = quoted(herd.path(part.name + "/pgpass"));
  const std::string data_dir = quoted(part.data_dir);
  const std::string bin_dir = quoted(herd.pg_bindir);
  const std::string log_dir = quoted(herd.path("logs"));
  return fmt::format(
      fmt::runtime(kAgentConfig), arg("scope", herd.scope), arg("name", part.name),
      arg("rest", rest), arg("rest_user", kRestUser), arg("rest_password", quoted(secrets.rest)),
      arg("etcd_hosts", etcd_hosts(herd)), arg("ttl", herd.ttl), arg("loop_wait", herd.loop_wait),
      arg("retry_timeout", herd.retry_timeout), arg("pg", pg), arg("data_dir", data_dir),
      arg("bin_dir", bin_dir), arg("pgpass", pgpass_path), arg("superuser", kSuperuser),
      arg("superuser_password", quoted(secrets.superuser)),
      arg("replication_user", kReplicationUser),
      arg("replication_password", quoted(secrets.replication)), arg("rewind_user", kRewindUser),
      arg("rewind_password", quoted(secrets.rewind)), arg("log_dir", log_dir),
      arg("log_file", part.name + "-postgresql.log"));
}

std::string ctl_config(const Herd& herd, const Secrets& secrets) {
  return fmt::format(
      "# For pgherd ctl -c (or patronictl -c). Made by `pgherd local up`.\n"
      "scope: {}\n"
      "namespace: /service/\n"
      "etcd3:\n"
      "  hosts: {}\n"
      "restapi:\n"
      "  authentication:\n"
      "    username: {}\n"
      "    password: {}\n"
      "ctl:\n"
      "  authentication:\n"
      "    username: {}\n"
      "    password: {}\n",
      herd.scope, etcd_hosts(herd), kRestUser, quoted(secrets.rest), kRestUser,
      quoted(secrets.rest));
}

std::string router_config(const Herd& herd, const Secrets& secrets) {
  return fmt::format(
      "# Made by `pgherd local up`, again on each start.\n"
      "scope: {}\n"
      "namespace: /service/\n"
      "etcd3:\n"
      "  hosts: {}\n"
      "router:\n"
      "  write: {}\n"
      "  read: {}\n"
      "  max_connections: 2000\n"
      "  drain_timeout: 5s\n"
      "  statistics:\n"
      "    listen: {}\n"
      "    username: {}\n"
      "    password: {}\n"
      "  move_sessions:\n"
      "    username: {}\n"
      "    password: {}\n",
      herd.scope, etcd_hosts(herd), quoted(address(herd.primary_port)),
      quoted(address(herd.standby_port)), quoted(address(herd.statistics_port)), kStatisticsUser,
      quoted(secrets.statistics), kSuperuser, quoted(secrets.superuser));
}

std::string haproxy_config(const Herd& herd, const Secrets& secrets) {
  std::string servers;
  for (const Part* agent : herd.agents())
    servers += fmt::format("{}    server {} {} check port {}", servers.empty() ? "" : "\n",
                           agent->name, address(agent->ports.at("pg")), agent->ports.at("rest"));
  return fill_template(haproxy_template, {{"ADDRESS", kAddress},
                                          {"PRIMARY_PORT", std::to_string(herd.primary_port)},
                                          {"STANDBY_PORT", std::to_string(herd.standby_port)},
                                          {"STATISTICS_PORT", std::to_string(herd.statistics_port)},
                                          {"REST_AUTHORIZATION", rest_authorization(secrets)},
                                          {"STATS_USER", kStatisticsUser},
                                          {"STATS_PASSWORD", secrets.statistics},
                                          {"SERVERS", servers}});
}

std::string pgpass(const Secrets& secrets) {
  return fmt::format("{0}:*:*:{1}:{2}\n{0}:*:*:{3}:{4}\n", kAddress, kSuperuser, secrets.superuser,
                     kReplicationUser, secrets.replication);
}

std::string write_dsn(const Herd& herd) {
  return dsn(herd, herd.primary_port);
}
std::string read_dsn(const Herd& herd) {
  return dsn(herd, herd.standby_port);
}

std::string fill_template(const std::string& text,
                          const std::map<std::string, std::string>& values) {
  std::string out;
  for (std::size_t from = 0;;) {
    const auto open = text.find('@', from);
    const auto close = open == std::string::npos ? open : text.find('@', open + 1);
    if (close == std::string::npos) return out + text.substr(from);
    const std::string name = text.substr(open + 1, close - open - 1);
    const bool is_name =
        !name.empty() && name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos;
    if (!is_name) {  // an @ of the text itself
      out += text.substr(from, close - from);
      from = close;
      continue;
    }
    const auto value = values.find(name);
    if (value == values.end()) throw LocalError("the template asks for @" + name + "@, unknown");
    out += text.substr(from, open - from) + value->second;
    from = close + 1;
  }
}

}  // namespace pgherd::local
