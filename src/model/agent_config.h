// AgentConfig: the effective local configuration of one agent, as plain values, after the YAML
// file, PATRONI_* variables and defaults have been merged (codec does that). Names follow Patroni's
// keys.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "model/ids.h"
#include "model/log_config.h"
#include "model/member.h"
#include "model/watchdog_view.h"

namespace pgherd {

struct Credentials {
  std::string username;
  std::string password;
  std::map<std::string, std::string> options;  // sslmode, sslcert, ...: libpq keywords
  bool operator==(const Credentials&) const = default;
};

struct ListenAddress {
  std::string host;  // may be a comma list for PostgreSQL; "" or "*" = all
  std::uint16_t port = 0;
  bool operator==(const ListenAddress&) const = default;
};

struct EtcdConfig {
  std::vector<std::string> endpoints;  // "host:port", from hosts/host/url/proxy
  std::string srv;  // domain whose SRV records take the place of `endpoints` once found; "": none
  std::string srv_suffix;    // "_etcd-client-<suffix>._tcp"
  bool use_tls = false;      // protocol: https
  bool use_proxies = false;  // the list is used as it is, no member discovery
  std::string username;
  std::string password;
  std::string cacert;
  std::string cert;
  std::string key;
  bool operator==(const EtcdConfig&) const = default;
};

struct RestConfig {
  ListenAddress listen;
  std::string connect_address;  // "host:port"
  std::optional<Credentials> authentication;
  std::string certfile;
  std::string keyfile;
  std::string cafile;
  std::string verify_client;  // none, optional, required
  std::map<std::string, std::string> http_extra_headers;
  std::map<std::string, std::string> https_extra_headers;  // beside those of http, with TLS only
  std::string keyfile_password;
  std::string ciphers;
  // Networks ("10.0.0.0/8") and names from which requests that change something are taken; empty:
  // all.
  std::vector<std::string> allowlist;
  bool allowlist_include_members = false;
  bool names_its_version = false;  // restapi.server_tokens: minimal
  int request_queue_size = 128;    // the listen backlog
  bool operator==(const RestConfig&) const = default;
};

struct CtlConfig {
  std::optional<Credentials> authentication;  // falls back to restapi.authentication
  bool insecure = false;
  std::string cacert;
  std::string certfile;
  std::string keyfile;
  std::string keyfile_password;
  bool has_classic_table = false;  // ctl.table: classic
  bool operator==(const CtlConfig&) const = default;
};

// A word list and key/value options in the order of the file: ("data-checksums", "") is a switch.
using OptionList = std::vector<std::pair<std::string, std::string>>;

// A command of the operator's, split into words as a shell would do it; empty: nothing is run.
using CommandWords = std::vector<std::string>;

// A command of the operator's that fills a data directory.
struct FillingCommand {
  CommandWords words;
  OptionList arguments;    // of the operator, --key=value each, in the order of the file
  bool no_params = false;  // it gets those alone, and not the standard ones
  bool operator==(const FillingCommand&) const = default;
};

// postgresql.<name>, a way to make a copy that create_replica_methods names.
struct ReplicaMethod {
  FillingCommand command;
  bool keep_data = false;  // it goes on with what the directory holds
  bool no_leader = false;  // it needs nobody to copy from
  bool operator==(const ReplicaMethod&) const = default;
};

// bootstrap.<name>, which bootstrap.method names: how the data of a new cluster come into being.
struct BootstrapMethod {
  std::string name;
  FillingCommand command;
  bool keep_existing_recovery_conf = false;  // what the command wrote for the recovery holds
  // With what the new cluster recovers before it is promoted; absent: it does not.
  std::optional<std::map<std::string, std::string>> recovery_conf;
  bool operator==(const BootstrapMethod&) const = default;
};

struct BootstrapConfig {
  std::string dcs_json = "{}";            // bootstrap.dcs as JSON
  std::optional<BootstrapMethod> method;  // absent: initdb
  OptionList initdb;
  std::vector<std::string> pg_hba;
  std::string post_bootstrap;  // or post_init
  bool operator==(const BootstrapConfig&) const = default;
};

// The roles for which PostgreSQL can be configured apart.
enum class ServerRole { Primary, Replica, StandbyLeader };

// What holds in one role only: custom_conf_<role>, parameters_<role>, pg_hba_<role>,
// pg_ident_<role>. The last two stand in the place of the lists for all roles.
struct RoleConfig {
  std::string custom_conf;  // a file, included after the one for all roles
  std::map<std::string, std::string> parameters;
  std::vector<std::string> pg_hba;
  std::vector<std::string> pg_ident;
  bool operator==(const RoleConfig&) const = default;
};

// What has become of the local PostgreSQL: the operator's callbacks are called for it.
enum class CallbackAction { OnStart, OnStop, OnRestart, OnReload, OnRoleChange };

// The `postgresql` section: local file merged over the dynamic configuration.
struct PostgresConfig {
  ListenAddress listen;
  std::string connect_address;  // "host:port"
  std::string proxy_address;
  std::string data_dir;
  std::string config_dir;                        // "" = data_dir
  std::string bin_dir;                           // "" = PATH
  std::map<std::string, std::string> bin_names;  // what is called otherwise: "initdb" -> its name
  std::string database = "postgres";
  std::string config_base_name = "postgresql";  // <this>.conf, <this>.base.conf
  std::string krbsrvname;                       // of libpq; "": its default
  std::string pgpass;  // "" only where nothing says it and the user has no home directory
  Credentials superuser;
  Credentials replication;
  std::optional<Credentials> rewind;  // absent: the superuser
  bool use_unix_socket = false;
  bool use_unix_socket_repl = false;
  std::map<std::string, std::string> parameters;  // effective, controlled ones included
  std::vector<std::string> pg_hba;
  std::vector<std::string> pg_ident;
  std::map<std::string, std::string> recovery_conf;
  std::string custom_conf;
  std::map<ServerRole, RoleConfig> by_role;  // only roles for which something is set
  // The custom_conf of the role that was put in force (postgres/local: config_in_role).
  std::string role_conf;
  OptionList basebackup;
  OptionList rewind_options;  // of pg_rewind
  // Where what only a diverged member has is kept before it goes; "": <data_dir>.diverged.
  std::string diverged_wal_directory;
  std::int64_t diverged_wal_limit = std::int64_t{1} << 30;  // bytes; 0: nothing is kept
  // Names of methods, to be tried in this order; "basebackup" is pg_basebackup. Empty: that alone.
  std::vector<std::string> create_replica_methods;
  // The same for the copy of the remote primary (standby_cluster.create_replica_methods).
  std::vector<std::string> remote_copy_methods;
  std::map<std::string, ReplicaMethod> replica_methods;  // by name; more may be here than is used
  Milliseconds pg_ctl_timeout = 60s;
  std::map<CallbackAction, CommandWords> callbacks;  // only those for which something is run
  CommandWords pre_promote;                          // may refuse a promotion
  CommandWords before_stop;                          // is waited for before a shutdown
  // Keys that the file or a variable sets: those the dynamic configuration does not change.
  std::set<std::string> set_locally;
  bool operator==(const PostgresConfig&) const = default;
};

struct WatchdogConfig {
  WatchdogMode mode = WatchdogMode::Automatic;
  std::string device = "/dev/watchdog";
  std::string driver;               // "testing": the device is a FIFO; else the Linux ioctls
  Milliseconds safety_margin = 5s;  // < 0: half of the ttl
  bool operator==(const WatchdogConfig&) const = default;
};

struct AgentConfig {
  std::string scope;
  NodeName name;
  std::string name_space = "service";
  LogConfig log;
  EtcdConfig etcd;
  RestConfig restapi;
  CtlConfig ctl;
  std::optional<BootstrapConfig> bootstrap;  // absent: this node never makes a new cluster
  PostgresConfig postgresql;
  WatchdogConfig watchdog;
  Tags tags;
  bool operator==(const AgentConfig&) const = default;
};

}  // namespace pgherd
