#include "codec/config_table.h"

#include <algorithm>
#include <limits>
#include <map>

namespace pgherd {
namespace {

constexpr auto kReload = WhenRead::AtReload;
constexpr auto kStart = WhenRead::AtStart;
constexpr auto kAtOnce = WhenRead::AtOnce;
constexpr auto kNewCluster = WhenRead::NewCluster;
constexpr auto kNever = WhenRead::Never;
constexpr bool kShared = true;

using Kind = Form::Kind;
constexpr Form kText{.kind = Kind::Text};
constexpr Form kFlag{.kind = Kind::Flag};
constexpr Form kAddress{.kind = Kind::Address};
constexpr Form kLines{.kind = Kind::Lines};
constexpr Form kWords{.kind = Kind::Words};
constexpr Form kTexts{.kind = Kind::Texts};
constexpr Form kOptions{.kind = Kind::Options};
constexpr Form kOther{};
constexpr Form number(std::int64_t lowest, std::int64_t highest) {
  return {.kind = Kind::Number, .lowest = lowest, .highest = highest};
}
constexpr Form word(std::string_view words) {
  return {.kind = Kind::Word, .words = words};
}

constexpr std::int64_t kInt32Min = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();
// So that no sum of durations can overflow.
constexpr std::int64_t kSecondsMax = 1'000'000'000;
constexpr Form kAnyNumber =
    number(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
constexpr Form kLevel = word("DEBUG, INFO, WARN, WARNING, ERROR, FATAL, CRITICAL");

bool is_below(std::string_view path, std::string_view section) {
  return path.size() > section.size() && path.starts_with(section) &&
         path.substr(section.size()).starts_with('.');
}

// The path under which the table speaks of a key: it does not repeat what is the same in two
// places.
std::string path_in_table(const std::string& path) {
  constexpr std::string_view kDynamic = "bootstrap.dcs.postgresql";
  constexpr std::string_view kLogins = "postgresql.authentication.";
  if (is_below(path, kDynamic) || path == kDynamic)
    return path_in_table("postgresql" + path.substr(kDynamic.size()));
  if ((is_below(path, "etcd") && path != "etcd.version_prefix") || path == "etcd")
    return "etcd3" + path.substr(4);
  for (const std::string user : {"superuser", "replication", "rewind"}) {
    const std::string login = std::string(kLogins) + user;
    if (is_below(path, login) || path == login)
      return std::string(kLogins) + "*" + path.substr(login.size());
  }
  return path;
}

}  // namespace

const std::vector<KnownKey>& config_table() {
  static const std::vector<KnownKey> kTable = {
      {"scope", kText, kStart, "daemon", "scope", "0.1"},
      {"name", kText, kStart, "daemon", "name", "1.0"},
      {"namespace", kText, kStart, "daemon", "name_space", "0.7"},
      {"thread_pool_size", kOther, kNever, "", "", "4.1.1"},
      {"thread_stack_size", kOther, kNever, "", "", "4.1.1"},
      {"log.type", word("plain, json"), kReload, "runtime", "as_json", "3.3.0"},
      {"log.level", kLevel, kReload, "runtime", "level", "1.5.4"},
      {"log.traceback_level", kText, kNever, "", "", "1.6.2"},
      {"log.format", kOther, kReload, "runtime", "form", "1.5.4"},
      {"log.dateformat", kText, kReload, "runtime", "date_format", "1.5.4"},
      {"log.static_fields", kOther, kReload, "runtime", "static_fields", "3.3.0"},
      {"log.max_queue_size", number(0, kInt32Max), kReload, "runtime", "lines_waiting_max",
       "1.6.0"},
      {"log.dir", kText, kReload, "runtime", "dir", "1.5.4"},
      {"log.mode", kText, kReload, "runtime", "file_mode", "4.0.0"},
      {"log.file_num", number(0, 10000), kReload, "runtime", "file_num", "1.5.4"},
      {"log.file_size", number(1, kInt32Max), kReload, "runtime", "file_size_bytes", "1.5.4"},
      {"log.loggers", kOther, kReload, "runtime", "loggers", "1.5.4"},
      {"log.deduplicate_heartbeat_logs", kFlag, kReload, "daemon", "says_heartbeats_once", "4.1.0"},
      {"etcd3.host", kWords, kStart, "dcs/etcd", "endpoints", "2.0.0"},
      {"etcd3.hosts", kWords, kStart, "dcs/etcd", "endpoints", "2.0.0"},
      {"etcd3.url", kText, kStart, "dcs/etcd", "endpoints", "2.0.0"},
      {"etcd3.proxy", kText, kStart, "dcs/etcd", "endpoints", "2.0.0"},
      {"etcd3.srv", kText, kStart, "dcs/etcd", "srv", "2.0.0"},
      {"etcd3.srv_suffix", kText, kStart, "dcs/etcd", "srv_suffix", "2.1.1"},
      {"etcd3.discovery_srv", kText, kStart, "dcs/etcd", "srv", "2.0.0"},
      {"etcd3.srv_domain", kText, kStart, "dcs/etcd", "srv", "2.0.0"},
      {"etcd3.use_proxies", kFlag, kStart, "dcs/etcd", "use_proxies", "2.0.0"},
      {"etcd3.protocol", word("http, https"), kStart, "dcs/etcd", "use_tls", "2.0.0"},
      {"etcd3.port", number(1, 65535), kStart, "dcs/etcd", "endpoints", "2.0.0"},
      {"etcd3.username", kText, kReload, "dcs/etcd", "username", "2.0.0"},
      {"etcd3.password", kText, kReload, "dcs/etcd", "password", "2.0.0"},
      {"etcd3.cacert", kText, kReload, "dcs/etcd", "cacert", "2.0.0"},
      {"etcd3.cert", kText, kReload, "dcs/etcd", "cert", "2.0.0"},
      {"etcd3.key", kText, kReload, "dcs/etcd", "key", "2.0.0"},
      {"etcd.version_prefix", kOther, kNever, "", "", "1.1"},
      {"consul", kOther, kNever, "", "", "0.7"},
      {"exhibitor", kOther, kNever, "", "", "0.1"},
      {"kubernetes", kOther, kNever, "", "", "1.4"},
      {"raft", kOther, kNever, "", "", "2.0.0"},
      {"zookeeper", kOther, kNever, "", "", "0.1"},
      {"citus.group", kOther, kNever, "", "", "3.0.0"},
      {"citus.database", kOther, kNever, "", "", "3.0.0"},
      {"restapi.listen", kAddress, kReload, "rest", "listen", "0.1"},
      {"restapi.connect_address", kAddress, kReload, "daemon", "connect_address", "0.1"},
      {"restapi.thread_pool_size", kOther, kNever, "", "", "4.1.1"},
      {"restapi.authentication.username", kText, kReload, "rest", "username", "1.0"},
      {"restapi.authentication.password", kText, kReload, "rest", "password", "1.0"},
      {"restapi.auth", kOther, kReload, "rest", "authentication", "0.4"},
      {"restapi.certfile", kText, kReload, "rest", "certfile", "1.0"},
      {"restapi.keyfile", kText, kReload, "rest", "keyfile", "1.0"},
      {"restapi.keyfile_password", kText, kReload, "rest", "keyfile_password", "2.0.2"},
      {"restapi.cafile", kText, kReload, "rest", "cafile", "1.6.1"},
      {"restapi.ciphers", kText, kReload, "rest", "ciphers", "2.0.2"},
      {"restapi.verify_client", kText, kReload, "rest", "verify_client", "1.6.1"},
      {"restapi.allowlist", kWords, kReload, "rest", "allowlist", "2.1.0"},
      {"restapi.allowlist_include_members", kFlag, kReload, "rest", "allowlist_include_members",
       "2.1.0"},
      {"restapi.http_extra_headers", kTexts, kReload, "rest", "http_extra_headers", "2.0.0"},
      {"restapi.https_extra_headers", kTexts, kReload, "rest", "https_extra_headers", "2.0.0"},
      {"restapi.request_queue_size", number(0, 4096), kReload, "rest", "request_queue_size",
       "3.0.3"},
      {"restapi.server_tokens", kText, kReload, "rest", "names_its_version", "4.1.0"},
      {"ctl.authentication.username", kText, kReload, "rest", "username", "3.1.0"},
      {"ctl.authentication.password", kText, kReload, "rest", "password", "3.1.0"},
      {"ctl.insecure", kFlag, kReload, "rest", "insecure", "1.5.0"},
      {"ctl.cacert", kText, kReload, "rest", "cacert", "1.5.0"},
      {"ctl.certfile", kText, kReload, "rest", "certfile", "1.6.1"},
      {"ctl.keyfile", kText, kReload, "rest", "keyfile", "1.6.1"},
      {"ctl.keyfile_password", kText, kReload, "rest", "keyfile_password", "2.0.2"},
      {"ctl.table", word("classic, wide"), kStart, "ctl", "has_classic_table", "pgherd"},
      {"bootstrap.method", kText, kNewCluster, "postgres/local", "method", "1.3"},
      {"bootstrap.initdb", kOptions, kNewCluster, "postgres/local", "initdb", "1.0"},
      {"bootstrap.post_bootstrap", kText, kNewCluster, "postgres/local", "post_bootstrap", "1.3"},
      {"bootstrap.post_init", kText, kNewCluster, "postgres/local", "post_bootstrap", "1.2"},
      {"bootstrap.pg_hba", kLines, kNewCluster, "postgres/local", "pg_hba", "1.0"},
      {"bootstrap.users", kOther, kNever, "", "", "1.0"},
      // Lower than Patroni's 20/1/3 on purpose: our lease is renewed and guarded apart from the
      // loop, and a peer's lease is nobody else's business (Patroni reads no other member's lease).
      {"bootstrap.dcs.ttl", number(2, kSecondsMax), kAtOnce, "decide", "ttl", "0.1"},
      {"bootstrap.dcs.loop_wait", number(1, kSecondsMax), kAtOnce, "decide", "loop_wait", "0.1"},
      {"bootstrap.dcs.retry_timeout", number(1, kSecondsMax), kAtOnce, "decide", "retry_timeout",
       "1.0"},
      {"bootstrap.dcs.maximum_lag_on_failover", kAnyNumber, kAtOnce, "decide",
       "maximum_lag_on_failover_bytes", "0.1"},
      {"bootstrap.dcs.maximum_lag_on_syncnode", kAnyNumber, kAtOnce, "decide",
       "maximum_lag_on_syncnode_bytes", "2.0.2"},
      {"bootstrap.dcs.max_timelines_history", number(0, kInt32Max), kAtOnce, "decide",
       "max_timelines_history", "1.6.5"},
      {"bootstrap.dcs.check_timeline", kFlag, kAtOnce, "decide", "check_timeline", "1.5.4"},
      {"bootstrap.dcs.primary_start_timeout", number(0, kSecondsMax), kAtOnce, "decide",
       "primary_start_timeout", "3.0.0"},
      {"bootstrap.dcs.master_start_timeout", number(0, kSecondsMax), kAtOnce, "decide",
       "primary_start_timeout", "1.2"},
      {"bootstrap.dcs.primary_stop_timeout", number(0, kSecondsMax), kAtOnce, "decide",
       "primary_stop_timeout", "3.0.0"},
      {"bootstrap.dcs.master_stop_timeout", number(0, kSecondsMax), kAtOnce, "decide",
       "primary_stop_timeout", "1.6.5"},
      {"bootstrap.dcs.primary_race_backoff", number(0, kSecondsMax), kAtOnce, "decide",
       "primary_race_backoff", "4.2"},
      {"bootstrap.dcs.synchronous_mode", kOther, kAtOnce, "decide", "synchronous_mode", "1.2"},
      {"bootstrap.dcs.synchronous_mode_strict", kFlag, kAtOnce, "decide", "synchronous_mode_strict",
       "1.3"},
      {"bootstrap.dcs.synchronous_node_count", number(kInt32Min, kInt32Max), kAtOnce, "decide",
       "synchronous_node_count", "2.0.0"},
      {"bootstrap.dcs.failsafe_mode", kFlag, kAtOnce, "decide", "failsafe_mode", "3.0.0"},
      {"bootstrap.dcs.pause", kFlag, kAtOnce, "decide", "paused", "1.1"},
      {"bootstrap.dcs.slots_wal_limit", kText, kAtOnce, "decide", "slots_wal_limit_bytes",
       "pgherd"},
      {"bootstrap.dcs.member_slots_ttl", kText, kAtOnce, "decide", "member_slots_ttl", "4.0.0"},
      {"bootstrap.dcs.slots", kOther, kAtOnce, "decide", "permanent_slots", "1.5.1"},
      {"bootstrap.dcs.permanent_slots", kOther, kAtOnce, "decide", "permanent_slots", "1.5.1"},
      {"bootstrap.dcs.permanent_replication_slots", kOther, kAtOnce, "decide", "permanent_slots",
       "1.5.1"},
      {"bootstrap.dcs.ignore_slots", kOther, kAtOnce, "decide", "ignore_slots", "2.0.2"},
      {"bootstrap.dcs.standby_cluster.host", kOther, kAtOnce, "decide", "host", "1.5.0"},
      {"bootstrap.dcs.standby_cluster.port", kOther, kAtOnce, "decide", "port", "1.5.0"},
      {"bootstrap.dcs.standby_cluster.primary_slot_name", kText, kAtOnce, "decide",
       "primary_slot_name", "1.5.0"},
      {"bootstrap.dcs.standby_cluster.create_replica_methods", kOther, kAtOnce, "postgres/local",
       "remote_copy_methods", "1.5.0"},
      {"bootstrap.dcs.standby_cluster.restore_command", kText, kAtOnce, "decide", "restore_command",
       "1.5.0"},
      {"bootstrap.dcs.standby_cluster.archive_cleanup_command", kText, kAtOnce, "decide",
       "archive_cleanup_command", "1.5.0"},
      {"bootstrap.dcs.standby_cluster.recovery_min_apply_delay", kText, kAtOnce, "decide",
       "recovery_min_apply_delay", "1.5.0"},
      {"postgresql.listen", kAddress, kReload, "postgres/local", "listen", "0.1"},
      {"postgresql.connect_address", kAddress, kReload, "daemon", "connect_address", "0.1"},
      {"postgresql.proxy_address", kAddress, kReload, "daemon", "proxy_address", "2.1.5"},
      {"postgresql.data_dir", kText, kStart, "postgres/local", "data_dir", "0.1"},
      {"postgresql.config_dir", kText, kStart, "postgres/local", "config_dir", "1.3"},
      {"postgresql.pgpass", kText, kReload, "postgres/local", "pgpass", "0.1"},
      {"postgresql.authentication.*.username", kText, kReload, "postgres/local", "username", "0.1"},
      {"postgresql.authentication.*.password", kText, kReload, "postgres/local", "password", "0.1"},
      {"postgresql.authentication.*.sslmode", kText, kReload, "postgres/local", "options", "1.6.1"},
      {"postgresql.authentication.*.sslcert", kText, kReload, "postgres/local", "options", "1.6.1"},
      {"postgresql.authentication.*.sslkey", kText, kReload, "postgres/local", "options", "1.6.1"},
      {"postgresql.authentication.*.sslpassword", kText, kReload, "postgres/local", "options",
       "2.0.1"},
      {"postgresql.authentication.*.sslrootcert", kText, kReload, "postgres/local", "options",
       "1.6.1"},
      {"postgresql.authentication.*.sslcrl", kText, kReload, "postgres/local", "options", "1.6.1"},
      {"postgresql.authentication.*.sslcrldir", kText, kReload, "postgres/local", "options",
       "2.1.2"},
      {"postgresql.authentication.*.gssencmode", kText, kReload, "postgres/local", "options",
       "2.0.0"},
      {"postgresql.authentication.*.channel_binding", kText, kReload, "postgres/local", "options",
       "2.0.0"},
      {"postgresql.authentication.*.sslnegotiation", kText, kReload, "postgres/local", "options",
       "4.0.3"},
      {"postgresql.bin_dir", kText, kReload, "postgres/local", "bin_dir", "1.1", kShared},
      {"postgresql.bin_name.pg_ctl", kOther, kNever, "", "", "3.0.3"},
      {"postgresql.bin_name.initdb", kText, kReload, "postgres/local", "bin_names", "3.0.3",
       kShared},
      {"postgresql.bin_name.pg_controldata", kOther, kNever, "", "", "3.0.3"},
      {"postgresql.bin_name.pg_basebackup", kText, kReload, "postgres/local", "bin_names", "3.0.3",
       kShared},
      {"postgresql.bin_name.postgres", kText, kReload, "postgres/local", "bin_names", "3.0.3",
       kShared},
      {"postgresql.bin_name.pg_isready", kOther, kNever, "", "", "3.0.3"},
      {"postgresql.bin_name.pg_rewind", kText, kReload, "postgres/local", "bin_names", "3.0.3",
       kShared},
      {"postgresql.database", kText, kReload, "postgres/local", "database", "1.0", kShared},
      {"postgresql.config_base_name", kText, kStart, "postgres/local", "config_base_name", "1.0",
       kShared},
      {"postgresql.krbsrvname", kText, kReload, "postgres/local", "krbsrvname", "1.6.0", kShared},
      {"postgresql.use_unix_socket", kFlag, kReload, "postgres/local", "use_unix_socket", "1.3",
       kShared},
      {"postgresql.use_unix_socket_repl", kFlag, kReload, "postgres/local", "use_unix_socket_repl",
       "2.1.0", kShared},
      {"postgresql.parameters", kOther, kReload, "postgres/local", "parameters", "0.1", kShared},
      {"postgresql.parameters_primary", kOther, kReload, "postgres/local", "by_role", "4.2",
       kShared},
      {"postgresql.parameters_replica", kOther, kReload, "postgres/local", "by_role", "4.2",
       kShared},
      {"postgresql.parameters_standby_leader", kOther, kReload, "postgres/local", "by_role", "4.2",
       kShared},
      {"postgresql.pg_hba", kLines, kReload, "postgres/local", "pg_hba", "1.3", kShared},
      {"postgresql.pg_hba_primary", kLines, kReload, "postgres/local", "by_role", "4.2", kShared},
      {"postgresql.pg_hba_replica", kLines, kReload, "postgres/local", "by_role", "4.2", kShared},
      {"postgresql.pg_hba_standby_leader", kLines, kReload, "postgres/local", "by_role", "4.2",
       kShared},
      {"postgresql.pg_ident", kLines, kReload, "postgres/local", "pg_ident", "1.3", kShared},
      {"postgresql.pg_ident_primary", kLines, kReload, "postgres/local", "by_role", "4.2", kShared},
      {"postgresql.pg_ident_replica", kLines, kReload, "postgres/local", "by_role", "4.2", kShared},
      {"postgresql.pg_ident_standby_leader", kLines, kReload, "postgres/local", "by_role", "4.2",
       kShared},
      {"postgresql.recovery_conf", kTexts, kReload, "postgres/local", "recovery_conf", "0.1",
       kShared},
      {"postgresql.custom_conf", kText, kReload, "postgres/local", "custom_conf", "1.1", kShared},
      {"postgresql.custom_conf_primary", kText, kReload, "postgres/local", "by_role", "pgherd",
       kShared},
      {"postgresql.custom_conf_replica", kText, kReload, "postgres/local", "by_role", "pgherd",
       kShared},
      {"postgresql.custom_conf_standby_leader", kText, kReload, "postgres/local", "by_role",
       "pgherd", kShared},
      {"postgresql.use_slots", kFlag, kAtOnce, "decide", "use_slots", "0.2"},
      {"postgresql.use_pg_rewind", kFlag, kReload, "decide", "use_pg_rewind", "1.0", kShared},
      {"postgresql.rewind", kOptions, kReload, "postgres/local", "rewind_options", "4.2", kShared},
      {"postgresql.diverged_wal_directory", kText, kReload, "postgres/local",
       "diverged_wal_directory", "pgherd", kShared},
      {"postgresql.diverged_wal_limit", kText, kReload, "postgres/local", "diverged_wal_limit",
       "pgherd", kShared},
      {"postgresql.remove_data_directory_on_rewind_failure", kFlag, kReload, "decide",
       "remove_data_directory_on_rewind_failure", "1.0", kShared},
      {"postgresql.remove_data_directory_on_diverged_timelines", kFlag, kReload, "decide",
       "remove_data_directory_on_diverged_timelines", "1.5.5", kShared},
      {"postgresql.pg_ctl_timeout", number(0, 1'000'000), kReload, "postgres/local",
       "pg_ctl_timeout", "1.0", kShared},
      {"postgresql.callbacks.on_start", kText, kReload, "postgres/local", "callbacks", "0.1",
       kShared},
      {"postgresql.callbacks.on_stop", kText, kReload, "postgres/local", "callbacks", "0.1",
       kShared},
      {"postgresql.callbacks.on_restart", kText, kReload, "postgres/local", "callbacks", "0.1",
       kShared},
      {"postgresql.callbacks.on_reload", kText, kReload, "postgres/local", "callbacks", "0.1",
       kShared},
      {"postgresql.callbacks.on_role_change", kText, kReload, "postgres/local", "callbacks", "0.1",
       kShared},
      {"postgresql.pre_promote", kText, kReload, "postgres/local", "pre_promote", "2.0.0", kShared},
      {"postgresql.before_stop", kText, kReload, "postgres/local", "before_stop", "3.0.3", kShared},
      {"postgresql.create_replica_methods", kWords, kReload, "postgres/local",
       "create_replica_methods", "1.4.5", kShared},
      {"postgresql.create_replica_method", kWords, kReload, "postgres/local",
       "create_replica_methods", "0.75", kShared},
      {"postgresql.basebackup", kOptions, kReload, "postgres/local", "basebackup", "1.4.4",
       kShared},
      {"postgresql.name", kText, kStart, "daemon", "name", "0.1"},
      {"postgresql.scope", kOther, kNever, "", "", "0.1"},
      {"watchdog.mode", kText, kReload, "daemon", "mode", "1.3"},
      {"watchdog.device", kText, kStart, "watchdog", "device", "1.3"},
      {"watchdog.safety_margin", number(-1, 86400), kReload, "daemon", "safety_margin", "1.3"},
      {"watchdog.driver", kText, kStart, "watchdog", "driver", "1.3"},
      {"tags", kOther, kReload, "daemon", "tags", "0.2"},
      {"tags.nofailover", kFlag, kReload, "decide", "nofailover", "0.7"},
      {"tags.failover_priority", number(kInt32Min, kInt32Max), kReload, "decide",
       "failover_priority", "3.2.0"},
      {"tags.noloadbalance", kFlag, kReload, "rest", "noloadbalance", "0.7"},
      {"tags.clonefrom", kFlag, kReload, "decide", "clonefrom", "0.7"},
      {"tags.nosync", kFlag, kReload, "decide", "nosync", "1.2"},
      {"tags.sync_priority", number(kInt32Min, kInt32Max), kReload, "decide", "sync_priority",
       "4.1.0"},
      {"tags.nostream", kFlag, kReload, "decide", "nostream", "3.3.0"},
      {"tags.replicatefrom", kText, kReload, "decide", "replicatefrom", "0.7"},
  };
  return kTable;
}

const KnownKey* row_of(const std::string& path) {
  static const auto kRows = [] {
    std::map<std::string_view, const KnownKey*> rows;
    for (const KnownKey& key : config_table())
      rows[key.path] = &key;
    return rows;
  }();
  const auto found = kRows.find(path_in_table(path));
  return found == kRows.end() ? nullptr : found->second;
}

bool is_section_of_table(const std::string& path) {
  const std::string known = path_in_table(path);
  return known.empty() ||
         std::any_of(config_table().begin(), config_table().end(),
                     [&](const KnownKey& key) { return is_below(key.path, known); });
}

}  // namespace pgherd
