#include "codec/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace pgherd {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr const char* kMinimal = R"(scope: main
name: node-a
restapi:
  listen: 127.0.0.1:8008
etcd3:
  hosts: 10.0.0.1:2379,10.0.0.2:2379
postgresql:
  listen: 127.0.0.1:5432
  data_dir: /data
  authentication:
    replication:
      username: replicator
)";

class Config : public ::testing::Test {
 public:
  Config() {
    std::string pattern = ::testing::TempDir() + "pgherd_config_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Config() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  LoadedConfig load(const std::string& text, const Environment& environment = {},
                    ConfigUse use = ConfigUse::Agent) {
    return load_config(write("patroni.yml", text), environment, use);
  }
  // The message without the folder in front of the file's name.
  std::string error(const std::string& text, const Environment& environment = {}) {
    try {
      (void)load(text, environment);
    } catch (const ConfigError& problem) {
      std::string message = problem.what();
      const std::string prefix = folder_.string() + "/";
      if (const auto at = message.find(prefix); at != std::string::npos) {
        message.erase(at, prefix.size());
      }
      return message;
    }
    return "accepted";
  }
  static std::string replaced(std::string text, const std::string& what, const std::string& with) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), with);
  }

  std::filesystem::path folder_;
};

TEST_F(Config, OfTheLeastThatIsNeededHasDefaultsForTheRest) {
  const LoadedConfig loaded = load(kMinimal);
  const AgentConfig& config = loaded.config;
  EXPECT_EQ(config.scope, "main");
  EXPECT_EQ(config.name, "node-a");
  EXPECT_EQ(config.name_space, "service");
  EXPECT_EQ(config.etcd.endpoints, (std::vector<std::string>{"10.0.0.1:2379", "10.0.0.2:2379"}));
  EXPECT_FALSE(config.etcd.use_tls);
  EXPECT_EQ(config.restapi.listen, (ListenAddress{.host = "127.0.0.1", .port = 8008}));
  EXPECT_EQ(config.restapi.connect_address, "127.0.0.1:8008");
  EXPECT_EQ(config.postgresql.connect_address, "127.0.0.1:5432");
  EXPECT_EQ(config.postgresql.replication.username, "replicator");
  EXPECT_EQ(config.bootstrap, std::nullopt);
  EXPECT_EQ(config.tags, Tags{});
  EXPECT_EQ(loaded.initial_settings, Settings{});
  EXPECT_TRUE(loaded.warnings.empty());
  EXPECT_TRUE(loaded.unknown_keys.empty());
}

constexpr const char* kFull = R"(scope: main
name: node-a
namespace: /db/
log: {level: DEBUG, type: json, dir: /var/log/x, file_size: 1000, file_num: 2}
restapi:
  listen: '[::]:8008'
  connect_address: '[fd00::1]:8008'
  authentication: {username: rest, password: '0123'}
  certfile: /c
  keyfile: /k
  cafile: /ca
  keyfile_password: kp
  ciphers: HIGH
  verify_client: required
  allowlist: [10.0.0.0/8, 'fd00::1', admin.example.org]
  allowlist_include_members: on
  http_extra_headers: {X-Frame-Options: DENY}
  https_extra_headers: {Strict-Transport-Security: 'max-age=1'}
  request_queue_size: 7
ctl: {insecure: on, certfile: /cc, keyfile: /ck, keyfile_password: ckp}
etcd3:
  hosts: [etcd1, 'etcd2:2380']
  protocol: https
  cacert: /eca
  username: root
  password: secret
bootstrap:
  dcs:
    ttl: 60
    synchronous_mode: quorum
    postgresql: {use_pg_rewind: true, parameters: {max_connections: 200}}
  initdb: [{encoding: UTF8}, data-checksums, {allow-group-access: true}]
  pg_hba: [host all all 0.0.0.0/0 scram-sha-256]
  post_init: /bin/after
postgresql:
  listen: 0.0.0.0,10.0.0.1:5433
  connect_address: pg1
  proxy_address: proxy:6432
  data_dir: /data
  config_dir: /etc/pg
  bin_dir: /usr/lib/pg
  pgpass: /run/pgpass
  authentication:
    superuser: {username: postgres, password: su, sslmode: verify-full, sslcert: /s}
    replication: {username: rep, password: 're:p'}
    rewind: {username: rew}
  use_unix_socket: true
  use_pg_rewind: false
  parameters: {Shared_Buffers: 1GB, ssl: yes, archive_command: 'yes', work_mem: 4096}
  pg_hba: [local all all peer]
  recovery_conf: {restore_command: cp %p}
  basebackup: {max-rate: 100M, checkpoint: fast, verbose: true, no-sync: false}
  pg_ctl_timeout: 90
tags: {clonefrom: true, failover_priority: '2', zone: b}
watchdog: {mode: automatic, device: /dev/watchdog, safety_margin: 5}
)";

TEST_F(Config, WithEverythingIsReadWhole) {
  const LoadedConfig loaded = load(kFull);
  const AgentConfig& config = loaded.config;
  EXPECT_EQ(config.name_space, "db");
  EXPECT_EQ(config.log, (LogConfig{.level = "DEBUG",
                                   .as_json = true,
                                   .dir = "/var/log/x",
                                   .file_size_bytes = 1000,
                                   .file_num = 2}));
  EXPECT_EQ(config.restapi,
            (RestConfig{.listen = {.host = "::", .port = 8008},
                        .connect_address = "[fd00::1]:8008",
                        .authentication = Credentials{.username = "rest", .password = "0123"},
                        .certfile = "/c",
                        .keyfile = "/k",
                        .cafile = "/ca",
                        .verify_client = "required",
                        .http_extra_headers = {{"X-Frame-Options", "DENY"}},
                        .https_extra_headers = {{"Strict-Transport-Security", "max-age=1"}},
                        .keyfile_password = "kp",
                        .ciphers = "HIGH",
                        .allowlist = {"10.0.0.0/8", "fd00::1", "admin.example.org"},
                        .allowlist_include_members = true,
                        .request_queue_size = 7}));
  EXPECT_EQ(config.ctl, (CtlConfig{.authentication = config.restapi.authentication,
                                   .insecure = true,
                                   .cacert = "/ca",
                                   .certfile = "/cc",
                                   .keyfile = "/ck",
                                   .keyfile_password = "ckp"}));
  EXPECT_EQ(config.etcd, (EtcdConfig{.endpoints = {"etcd1:2379", "etcd2:2380"},
                                     .use_tls = true,
                                     .username = "root",
                                     .password = "secret",
                                     .cacert = "/eca"}));
  ASSERT_TRUE(config.bootstrap);
  EXPECT_EQ(config.bootstrap->dcs_json,
            R"({"ttl":60,"synchronous_mode":"quorum","postgresql":{"use_pg_rewind":true,)"
            R"("parameters":{"max_connections":200}}})");
  EXPECT_EQ(config.bootstrap->initdb,
            (OptionList{{"encoding", "UTF8"}, {"data-checksums", ""}, {"allow-group-access", ""}}));
  EXPECT_EQ(config.bootstrap->post_bootstrap, "/bin/after");
  EXPECT_EQ(config.tags.published, R"({"clonefrom":true,"failover_priority":"2","zone":"b"})");
  EXPECT_EQ(config.tags.failover_priority, 2);
  EXPECT_EQ(loaded.initial_settings.ttl, Milliseconds(60s));
  EXPECT_TRUE(loaded.initial_settings.use_pg_rewind);
  EXPECT_FALSE(with_overrides(loaded.initial_settings, loaded.overrides).use_pg_rewind);
  EXPECT_TRUE(loaded.warnings.empty()) << loaded.warnings.front();
}

TEST_F(Config, OptionsOfProgramsMayBeInQuotesOfTheirOwnAndInAMapEmptyOnesAreLeftOut) {
  const LoadedConfig loaded =
      load(std::string(kMinimal) + R"(  basebackup: {max-rate: '', waldir: , label: '"a b"'}
bootstrap:
  initdb: [{locale: "'C.UTF-8'"}, {encoding: UTF8}]
)");
  EXPECT_EQ(loaded.config.postgresql.basebackup, (OptionList{{"label", "a b"}}));
  EXPECT_EQ(loaded.config.bootstrap->initdb,
            (OptionList{{"locale", "C.UTF-8"}, {"encoding", "UTF8"}}));
}

TEST_F(Config, ReadsThePostgresqlSection) {
  const PostgresConfig config = load(kFull).config.postgresql;
  EXPECT_EQ(config.listen, (ListenAddress{.host = "0.0.0.0,10.0.0.1", .port = 5433}));
  EXPECT_EQ(config.connect_address, "pg1:5432");
  EXPECT_EQ(config.proxy_address, "proxy:6432");
  EXPECT_EQ(config.superuser.options,
            (std::map<std::string, std::string>{{"sslmode", "verify-full"}, {"sslcert", "/s"}}));
  EXPECT_EQ(config.replication.password, "re:p");
  ASSERT_TRUE(config.rewind);
  EXPECT_EQ(config.rewind->username, "rew");
  EXPECT_EQ(config.parameters, (std::map<std::string, std::string>{{"shared_buffers", "1GB"},
                                                                   {"ssl", "on"},
                                                                   {"archive_command", "yes"},
                                                                   {"work_mem", "4096"}}));
  EXPECT_EQ(config.basebackup,
            (OptionList{{"max-rate", "100M"}, {"checkpoint", "fast"}, {"verbose", ""}}));
  EXPECT_EQ(config.pg_ctl_timeout, Milliseconds(90s));
  EXPECT_EQ(config.recovery_conf.at("restore_command"), "cp %p");
  EXPECT_TRUE(config.set_locally.contains("use_unix_socket"));
  EXPECT_FALSE(config.set_locally.contains("use_unix_socket_repl"));
}

TEST_F(Config, PutsTheFileOfPasswordsIntoTheHomeOfTheUser) {
  EXPECT_EQ(load(kMinimal, {{"HOME", "/home/pg"}}).config.postgresql.pgpass, "/home/pg/pgpass");
  EXPECT_EQ(load(kMinimal, {{"HOME", "/"}}).config.postgresql.pgpass, "/pgpass");
  EXPECT_EQ(load(kFull, {{"HOME", "/home/pg"}}).config.postgresql.pgpass, "/run/pgpass");
  EXPECT_EQ(load(kMinimal, {{"HOME", "/home/pg"}, {"PATRONI_POSTGRESQL_PGPASS", "/p"}})
                .config.postgresql.pgpass,
            "/p");
  // PostgreSQL would look for it from its data directory.
  EXPECT_EQ(load(kMinimal, {{"HOME", "here"}}).config.postgresql.pgpass, "");
  EXPECT_EQ(load(kMinimal).config.postgresql.pgpass, "");
}

TEST_F(Config, VariablesBeatTheFile) {
  const LoadedConfig loaded =
      load(kMinimal, {{"PATRONI_NAME", "node-b"},
                      {"PATRONI_SCOPE", ""},  // empty is unset
                      {"PATRONI_ETCD3_HOSTS", "'h1:1', h2"},
                      {"PATRONI_ETCD3_PROTOCOL", "https"},
                      {"PATRONI_ETCD3_USE_PROXIES", "on"},
                      {"PATRONI_RESTAPI_USERNAME", "u"},
                      {"PATRONI_RESTAPI_PASSWORD", "p"},
                      {"PATRONI_RESTAPI_HTTP_EXTRA_HEADERS", "X-A: b, X-C: d"},
                      {"PATRONI_RESTAPI_HTTPS_EXTRA_HEADERS", "{X-E: f}"},
                      {"PATRONI_RESTAPI_ALLOWLIST", "10.0.0.1, '192.168.0.0/16'"},
                      {"PATRONI_RESTAPI_ALLOWLIST_INCLUDE_MEMBERS", "true"},
                      {"PATRONI_RESTAPI_CERTFILE", "/c"},
                      {"PATRONI_RESTAPI_CIPHERS", "HIGH:!aNULL"},
                      {"PATRONI_RESTAPI_KEYFILE_PASSWORD", "kp"},
                      {"PATRONI_RESTAPI_REQUEST_QUEUE_SIZE", "9"},
                      {"PATRONI_CTL_KEYFILE_PASSWORD", "ckp"},
                      {"PATRONI_SUPERUSER_USERNAME", "su"},
                      {"PATRONI_SUPERUSER_PASSWORD", "yes"},
                      {"PATRONI_REWIND_USERNAME", "rw"},
                      {"PATRONI_REPLICATION_SSLMODE", "require"},
                      {"PATRONI_POSTGRESQL_DATA_DIR", "/elsewhere"},
                      {"PATRONI_LOGLEVEL", "ERROR"},
                      {"PATRONI_LOG_LEVEL", "DEBUG"},
                      {"PATH", "/bin"}});
  const AgentConfig& config = loaded.config;
  EXPECT_EQ(config.name, "node-b");
  EXPECT_EQ(config.scope, "main");
  EXPECT_EQ(config.etcd.endpoints, (std::vector<std::string>{"h1:1", "h2:2379"}));
  EXPECT_TRUE(config.etcd.use_tls);
  EXPECT_TRUE(config.etcd.use_proxies);
  EXPECT_EQ(config.restapi.authentication, (Credentials{.username = "u", .password = "p"}));
  EXPECT_EQ(config.restapi.http_extra_headers.at("X-C"), "d");
  EXPECT_EQ(config.restapi.https_extra_headers.at("X-E"), "f");
  EXPECT_EQ(config.restapi.allowlist, (std::vector<std::string>{"10.0.0.1", "192.168.0.0/16"}));
  EXPECT_TRUE(config.restapi.allowlist_include_members);
  EXPECT_EQ(config.restapi.ciphers, "HIGH:!aNULL");
  EXPECT_EQ(config.restapi.keyfile_password, "kp");
  EXPECT_EQ(config.restapi.request_queue_size, 9);
  EXPECT_EQ(config.ctl.keyfile_password, "ckp");
  EXPECT_EQ(config.postgresql.superuser.username, "su");
  EXPECT_EQ(config.postgresql.superuser.password, "yes");
  EXPECT_EQ(config.postgresql.rewind->username, "rw");
  EXPECT_EQ(config.postgresql.replication.username, "replicator");
  EXPECT_EQ(config.postgresql.replication.options.at("sslmode"), "require");
  EXPECT_EQ(config.postgresql.data_dir, "/elsewhere");
  EXPECT_EQ(config.log.level, "DEBUG");
  EXPECT_TRUE(loaded.unknown_keys.empty());
}

// Compose files and charts write them so, one below the other or in brackets.
TEST_F(Config, VariablesWithListsTakeThemInEveryStyleOfYaml) {
  using Words = std::vector<std::string>;
  const auto hosts_of = [&](const char* said) {
    return load(kMinimal, {{"PATRONI_ETCD3_HOSTS", said}}).config.etcd.endpoints;
  };
  const Words two{"h1:2379", "h2:2380"};
  for (const char* said :
       {"- h1:2379\n- h2:2380", "\n  - 'h1:2379'\n  - h2:2380\n", "[h1:2379, 'h2:2380']",
        " [h1:2379,\n  h2:2380]\n", "h1:2379, h2:2380", "'h1:2379','h2:2380'"})
    EXPECT_EQ(hosts_of(said), two) << said;
  EXPECT_EQ(hosts_of("[::1]:2379, [::2]:2380"), (Words{"[::1]:2379", "[::2]:2380"}));
  EXPECT_EQ(hosts_of("- '[::1]:2379'"), Words{"[::1]:2379"});
  const auto allowed_of = [&](const char* said) {
    return load(kMinimal, {{"PATRONI_RESTAPI_ALLOWLIST", said}}).config.restapi.allowlist;
  };
  for (const char* said : {"- 10.0.0.0/8\n- node-a", "[10.0.0.0/8, node-a]", "10.0.0.0/8, node-a"})
    EXPECT_EQ(allowed_of(said), (Words{"10.0.0.0/8", "node-a"})) << said;
  EXPECT_EQ(allowed_of("10.0.0.0/255.0.0.0, 10.1.0.0/0.0.255.255, 10.2.0.1/255.255.255.255"),
            (Words{"10.0.0.0/8", "10.1.0.0/16", "10.2.0.1/32"}));
  for (const char* wrong : {"10.0.0.0/255.0.255.0", "fd00::/255.0.0.0", "node-a/255.0.0.0"})
    EXPECT_NE(error(kMinimal, {{"PATRONI_RESTAPI_ALLOWLIST", wrong}}), "") << wrong;
  EXPECT_TRUE(error(kMinimal, {{"PATRONI_RESTAPI_ALLOWLIST", "- 10.0.0.0/33"}})
                  .starts_with("variable PATRONI_RESTAPI_ALLOWLIST"));
}

TEST_F(Config, VariablesWithMapsTakeThemInEveryStyleOfYaml) {
  for (const char* said : {"X-A: b, X-C: d", " {X-A: b, X-C: d}", "X-A: b\nX-C: d\n"}) {
    const auto headers = load(kMinimal, {{"PATRONI_RESTAPI_HTTP_EXTRA_HEADERS", said}})
                             .config.restapi.http_extra_headers;
    EXPECT_EQ(headers, (std::map<std::string, std::string>{{"X-A", "b"}, {"X-C", "d"}})) << said;
  }
  EXPECT_FALSE(error(kMinimal, {{"PATRONI_RESTAPI_HTTP_EXTRA_HEADERS", "{X-A: b"}}).empty());
}

TEST_F(Config, SecretsMayComeFromFiles) {
  const Environment environment = {
      {"PATRONI_SUPERUSER_PASSWORD_FILE", write("secret", "pass: word\n")},
      {"PATRONI_REPLICATION_PASSWORD_FILE", write("other", "from the file")},
      {"PATRONI_REPLICATION_PASSWORD", "said"},
      {"PATRONI_RESTAPI_CERTFILE", "/cert"}};
  const LoadedConfig loaded = load(kMinimal, environment);
  EXPECT_EQ(loaded.config.postgresql.superuser.password, "pass: word");
  EXPECT_EQ(loaded.config.postgresql.replication.password, "said");
  EXPECT_EQ(loaded.config.restapi.certfile, "/cert");
  EXPECT_TRUE(loaded.unknown_keys.empty());
  EXPECT_EQ(error(kMinimal, {{"PATRONI_CTL_PASSWORD_FILE", "/does/not/exist"}}),
            "variable PATRONI_CTL_PASSWORD_FILE: cannot read the file '/does/not/exist': No such "
            "file or directory; name a readable file that holds the value");
  EXPECT_NE(error(kMinimal, {{"PATRONI_CTL_PASSWORD_FILE", "/tmp"}}).find("Is a directory"),
            std::string::npos);
}

TEST_F(Config, RefusesAnEmptySecretFile) {
  EXPECT_EQ(error(kMinimal, {{"PATRONI_SUPERUSER_PASSWORD_FILE", write("secret", "\n")}}),
            "variable PATRONI_SUPERUSER_PASSWORD_FILE: secret is empty; write the value into it");
}

TEST_F(Config, KnowsTheVariablesOfGuidesForDockerCompose) {
  const Environment environment = {
      {"PATRONI_POSTGRESQL_USERNAME", "admin"},
      {"POSTGRES_PASSWORD_FILE", write("postgres_password.txt", "of the superuser")},
      {"PATRONI_POSTGRESQL_REPLICATION_USERNAME", "repl"},
      {"PATRONI_POSTGRESQL_REPLICATION_PASSWORD_FILE", write("repl_password.txt", "of repl")},
      {"PATRONI_RESTAPI_AUTH_HEADER", "cGF0cm9uaTpzZWNyZXQ="}};
  const LoadedConfig loaded = load(kMinimal, environment);
  EXPECT_EQ(loaded.config.postgresql.superuser.username, "admin");
  EXPECT_EQ(loaded.config.postgresql.superuser.password, "of the superuser");
  EXPECT_EQ(loaded.config.postgresql.replication.username, "repl");
  EXPECT_EQ(loaded.config.postgresql.replication.password, "of repl");
  EXPECT_TRUE(loaded.unknown_keys.empty());
}

TEST_F(Config, PrefersPatronisOwnVariablesToTheirOtherNames) {
  const LoadedConfig loaded = load(kMinimal, {{"PATRONI_POSTGRESQL_USERNAME", "admin"},
                                              {"PATRONI_SUPERUSER_USERNAME", "postgres"},
                                              {"POSTGRES_PASSWORD", "other"},
                                              {"PATRONI_SUPERUSER_PASSWORD", "own"},
                                              {"PGDATA", "/of/somebody/else"}});
  EXPECT_EQ(loaded.config.postgresql.superuser.username, "postgres");
  EXPECT_EQ(loaded.config.postgresql.superuser.password, "own");
  EXPECT_EQ(loaded.config.postgresql.data_dir, "/data") << "PGDATA never moves a configured one";
}

TEST_F(Config, SaysHowTablesAreDrawn) {
  EXPECT_FALSE(load(kMinimal).config.ctl.has_classic_table);
  EXPECT_TRUE(load(kMinimal, {{"PATRONI_CTL_TABLE", "classic"}}).config.ctl.has_classic_table);
  EXPECT_NE(error(std::string(kMinimal) + "ctl: {table: narrow}\n").find("ctl.table"),
            std::string::npos);
}

TEST_F(Config, ReadsWhatHoldsInOneRoleOnly) {
  const LoadedConfig loaded = load(std::string(kMinimal) +
                                   "  custom_conf_primary: /cfg/primary.conf\n"
                                   "  parameters_replica: {default_transaction_read_only: on, "
                                   "max_connections: 5}\n"
                                   "  pg_hba_standby_leader: [local all all peer]\n");
  const auto& roles = loaded.config.postgresql.by_role;
  EXPECT_EQ(roles.at(ServerRole::Primary).custom_conf, "/cfg/primary.conf");
  EXPECT_EQ(roles.at(ServerRole::Replica).parameters,
            (std::map<std::string, std::string>{{"default_transaction_read_only", "on"}}));
  EXPECT_EQ(roles.at(ServerRole::StandbyLeader).pg_hba,
            std::vector<std::string>{"local all all peer"});
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_NE(loaded.warnings[0].find("postgresql.parameters_replica of the local configuration "
                                    "cannot set max_connections"),
            std::string::npos);
}

TEST_F(Config, ReadsCommandsOfTheOperatorsScripts) {
  const PostgresConfig config = load(std::string(kMinimal) +
                                     "  callbacks: {on_role_change: \"/bin/move 'my address'\", "
                                     "on_stop: '', on_start: null}\n"
                                     "  pre_promote: /bin/fence -v\n"
                                     "  before_stop: ''\n")
                                    .config.postgresql;
  const std::map<CallbackAction, CommandWords> expected = {
      {CallbackAction::OnRoleChange, {"/bin/move", "my address"}}};
  EXPECT_EQ(config.callbacks, expected);
  EXPECT_EQ(config.pre_promote, (CommandWords{"/bin/fence", "-v"}));
  EXPECT_TRUE(config.before_stop.empty());
  EXPECT_EQ(error(std::string(kMinimal) + "  callbacks:\n    on_start: it's\n"),
            "patroni.yml:14: postgresql.callbacks.on_start is 'it's'; allowed is a command in "
            "which every quote is closed");
}

TEST_F(Config, MayComeFromVariablesAlone) {
  const Environment environment = {{"PATRONI_SCOPE", "main"},
                                   {"PATRONI_NAME", "a"},
                                   {"PATRONI_ETCD3_HOST", "e:2379"},
                                   {"PATRONI_RESTAPI_LISTEN", "10.0.0.1:8008"},
                                   {"PATRONI_POSTGRESQL_LISTEN", "10.0.0.1:5432"},
                                   {"PATRONI_POSTGRESQL_DATA_DIR", "/data"},
                                   {"PATRONI_REPLICATION_USERNAME", "rep"}};
  EXPECT_EQ(load_config("", environment).config.etcd.endpoints, std::vector<std::string>{"e:2379"});
  try {
    (void)load_config("", {{"PATRONI_SCOPE", "main"}});
    FAIL() << "a configuration without a name was accepted";
  } catch (const ConfigError& problem) {
    EXPECT_STREQ(problem.what(),
                 "the PATRONI_* variables: name is missing; set it in the file or in the variable "
                 "PATRONI_NAME");
  }
}

TEST_F(Config, AWholeDocumentInAVariableExcludesTheOthers) {
  const Environment environment = {{"PATRONI_CONFIGURATION", kMinimal}, {"PATRONI_NAME", "other"}};
  EXPECT_EQ(load_config("", environment).config.name, "node-a");
  // A file that is named counts more.
  EXPECT_EQ(load(replaced(kMinimal, "node-a", "node-c"), {{"PATRONI_CONFIGURATION", kMinimal}})
                .config.name,
            "node-c");
}

TEST_F(Config, OfADirectoryIsMergedInTheOrderOfNames) {
  write("10-base.yml", kMinimal);
  write("20-more.yaml", "name: node-z\npostgresql: {data_dir: /z, listen: null}\n");
  write("30-last.yml", "postgresql: {listen: '10.0.0.9:5432'}\n");
  write("99-not.conf", "name: no\n");
  const AgentConfig config = load_config(folder_.string(), {}).config;
  EXPECT_EQ(config.name, "node-z");
  EXPECT_EQ(config.postgresql.data_dir, "/z");
  EXPECT_EQ(config.postgresql.listen.host, "10.0.0.9");
  EXPECT_EQ(config.postgresql.replication.username, "replicator");
}

TEST_F(Config, PathsThatCannotBeReadAreErrors) {
  EXPECT_THROW((void)load_config((folder_ / "none.yml").string(), {}), ConfigError);
  EXPECT_THROW((void)load_config(folder_.string(), {}), ConfigError);  // holds no file
}

TEST_F(Config, MissingKeysAreNamedWithTheirVariable) {
  EXPECT_EQ(error(replaced(kMinimal, "scope: main\n", "")),
            "patroni.yml: scope is missing; set it in the file or in the variable PATRONI_SCOPE");
  EXPECT_EQ(error(replaced(kMinimal, "  data_dir: /data\n", "")),
            "patroni.yml: postgresql.data_dir is missing; set it in the file or in the variable "
            "PATRONI_POSTGRESQL_DATA_DIR");
  EXPECT_EQ(error(replaced(kMinimal, "hosts: 10.0.0.1:2379,10.0.0.2:2379", "protocol: http")),
            "patroni.yml: etcd3.hosts is missing; set it in the file or in the variable "
            "PATRONI_ETCD3_HOSTS");
  EXPECT_EQ(error(replaced(kMinimal, "username: replicator", "password: x")),
            "patroni.yml: postgresql.authentication.replication.username is missing; set it in the "
            "file or in the variable PATRONI_REPLICATION_USERNAME");
}

TEST_F(Config, WrongValuesAreNamedWithTheirLine) {
  EXPECT_EQ(error(replaced(kMinimal, "127.0.0.1:8008", "127.0.0.1:http")),
            "patroni.yml:4: restapi.listen is '127.0.0.1:http'; allowed is host:port, an IPv6 "
            "address in brackets");
  EXPECT_EQ(error(replaced(kMinimal, "127.0.0.1:8008", "[a, b]")),
            "patroni.yml:4: restapi.listen is a list; allowed is a text");
  EXPECT_EQ(error(std::string(kMinimal) + "log:\n  level: loud\n"),
            "patroni.yml:14: log.level is 'loud'; allowed is one of DEBUG, INFO, WARN, WARNING, "
            "ERROR, FATAL, CRITICAL");
  EXPECT_EQ(
      error(std::string(kMinimal) + "tags:\n  nofailover: 7\n"),
      "patroni.yml:14: tags.nofailover is '7'; allowed is true or false (on/off, yes/no, 1/0)");
  EXPECT_EQ(error(std::string(kMinimal) + "ctl: yes\n"),
            "patroni.yml:13: ctl is 'yes'; allowed is a section (a map of keys)");
  EXPECT_EQ(error(std::string(kMinimal) + "bootstrap:\n  dcs:\n    ttl: soon\n"),
            "patroni.yml:15: bootstrap.dcs.ttl is \"soon\"; allowed is a whole number of seconds, "
            "at least 2");
  EXPECT_EQ(
      error(kMinimal, {{"PATRONI_ETCD3_PROTOCOL", "ftp"}}),
      "variable PATRONI_ETCD3_PROTOCOL: etcd3.protocol is 'ftp'; allowed is one of http, https");
  EXPECT_EQ(error("scope: [\n").substr(0, 12), "patroni.yml:");
  EXPECT_EQ(error("just words"),
            "patroni.yml: the document is no map; allowed is a map of sections");
}

TEST_F(Config, OfSeveralAddressesEachMayHaveBrackets) {
  const auto listen = [&](const std::string& text) {
    return load(replaced(kMinimal, "127.0.0.1:5432", text)).config.postgresql.listen;
  };
  EXPECT_EQ(listen("'127.0.0.1, [::1]:5433'").host, "127.0.0.1,::1");
  EXPECT_EQ(listen("'[fd00::1],[fd00::2]:5433'").host, "fd00::1,fd00::2");
  EXPECT_EQ(listen("'127.0.0.1, fd00::1, [fd00::2]:5433'").port, 5433);
  EXPECT_EQ(error(replaced(kMinimal, "127.0.0.1:5432", "'10.0.0.1:5432,10.0.0.2:5432'")),
            "patroni.yml:8: postgresql.listen is '10.0.0.1:5432,10.0.0.2:5432'; allowed is "
            "addresses between commas and one port behind the last of them");
}

TEST_F(Config, WhatATemplateDidNotPutInIsNoAddress) {
  for (const char* left : {"${NODE_IP}:5432", "<ip>:5432", "'{{ ip }}:5432'"}) {
    const std::string said =
        error(replaced(kMinimal, "  data_dir: /data\n",
                       "  data_dir: /data\n  connect_address: " + std::string(left) + "\n"));
    EXPECT_NE(said.find("patroni.yml:10: postgresql.connect_address is"), std::string::npos)
        << said;
    EXPECT_TRUE(said.ends_with("allowed is host:port; a variable was not put in here")) << said;
  }
}

TEST_F(Config, EmptyTextsAndListsSayNothing) {
  const LoadedConfig loaded =
      load(replaced(kMinimal, "  data_dir: /data\n",
                    "  data_dir: /data\n  proxy_address: ''\n  use_unix_socket: ' '\n  pg_hba: ''\n"
                    "  pg_ctl_timeout: ''\n  parameters: []\n  callbacks: ''\n  basebackup: ''\n") +
           "tags: []\nctl: ''\nwatchdog: {mode: False, device: ''}\n");
  EXPECT_EQ(loaded.warnings, std::vector<std::string>{});
  const PostgresConfig& postgresql = loaded.config.postgresql;
  EXPECT_EQ(postgresql.proxy_address, "");
  EXPECT_FALSE(postgresql.use_unix_socket);
  EXPECT_EQ(postgresql.pg_ctl_timeout, PostgresConfig{}.pg_ctl_timeout);
  EXPECT_TRUE(postgresql.pg_hba.empty() && postgresql.callbacks.empty());
  EXPECT_EQ(loaded.config.watchdog.mode, WatchdogMode::Off);
  EXPECT_EQ(loaded.config.watchdog.device, "/dev/watchdog");
}

TEST_F(Config, TheApisLoginMayBeOneText) {
  const auto with = [&](const std::string& line) {
    return replaced(kMinimal, "restapi:\n", "restapi:\n  " + line + "\n");
  };
  const auto login = load(with("auth: 'user:pass:word'")).config.restapi.authentication;
  ASSERT_TRUE(login);
  EXPECT_EQ(login->username, "user");
  EXPECT_EQ(login->password, "pass:word");
  EXPECT_FALSE(load(with("auth: ''")).config.restapi.authentication);
  EXPECT_EQ(error(with("auth: secret")),
            "patroni.yml:4: restapi.auth is a text that is not used; allowed is user:password, or "
            "a section authentication in its place");
}

TEST_F(Config, ALoginOfTheApiThatATemplateHasLeftHalfEmptyIsRefused) {
  const auto with = [&](const std::string& login) {
    return replaced(kMinimal, "restapi:\n", "restapi:\n  authentication: " + login + "\n");
  };
  const auto is_missing = [&](const std::string& login, const std::string& key) {
    return error(with(login)).find("restapi.authentication." + key + " is missing") !=
           std::string::npos;
  };
  EXPECT_TRUE(is_missing("{username: null, password: null}", "username"));
  EXPECT_TRUE(is_missing("{password: secret}", "username"));
  EXPECT_TRUE(is_missing("{username: admin}", "password"));
  EXPECT_TRUE(is_missing("{username: admin, password: ~}", "password"));
  for (const char* nothing : {"{}", "null"}) {
    const auto warnings = load(with(nothing)).warnings;
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_NE(warnings.front().find("restapi.authentication is empty"), std::string::npos);
  }
}

TEST_F(Config, WordsCountInAnyCaseWhereTheyDoForPatroni) {
  const auto watchdog = [&](const std::string& mode) {
    return load(std::string(kMinimal) + "watchdog: {mode: " + mode + "}\n").config.watchdog.mode;
  };
  EXPECT_EQ(watchdog("Required"), WatchdogMode::Required);
  EXPECT_EQ(watchdog("AUTOMATIC"), WatchdogMode::Automatic);
  EXPECT_EQ(watchdog("Off"), WatchdogMode::Off);
  const auto verify = [&](const std::string& word) {
    return load(replaced(kMinimal, "restapi:\n",
                         "restapi:\n  cafile: /ca\n  verify_client: " + word + "\n"))
        .config.restapi.verify_client;
  };
  EXPECT_EQ(verify("Required"), "required");
  EXPECT_EQ(verify("None"), "none");
  EXPECT_EQ(verify("false"), "none");
}

TEST_F(Config, RelativeDirectoriesAreBelowTheOneItIsStartedIn) {
  const PostgresConfig config =
      load(replaced(kMinimal, "  data_dir: /data\n",
                    "  data_dir: data/node\n  config_dir: /etc/node/\n  pgpass: .pgpass\n"))
          .config.postgresql;
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(config.data_dir, here + "/data/node");
  EXPECT_EQ(config.config_dir, "/etc/node");
  EXPECT_EQ(config.pgpass, here + "/.pgpass");
  EXPECT_EQ(config.bin_dir, "");
}

TEST_F(Config, HostsOfEtcdMayBeUrls) {
  const auto etcd =
      load(replaced(kMinimal, "10.0.0.1:2379,10.0.0.2:2379", "'https://a:2379/, https://b/'"))
          .config.etcd;
  EXPECT_EQ(etcd.endpoints, (std::vector<std::string>{"a:2379", "b:2379"}));
  EXPECT_TRUE(etcd.use_tls);
}

TEST_F(Config, AValueOfSeveralLinesIsNamedByItsFirst) {
  EXPECT_EQ(error(replaced(kMinimal, "  data_dir: /data\n",
                           "  data_dir: /data\n  pg_hba: |\n    local all\n    host all\n")),
            "patroni.yml:10: postgresql.pg_hba is 'local all...'; allowed is a list of texts");
}

TEST_F(Config, SettingsThatCannotBeUsedAreNamedWithWhatHolds) {
  const LoadedConfig loaded =
      load(std::string(kMinimal) + "bootstrap: {dcs: {maximum_lag_on_failover: 1MB}}\n");
  EXPECT_EQ(loaded.warnings,
            std::vector<std::string>{
                folder_.string() +
                "/patroni.yml:13: bootstrap.dcs.maximum_lag_on_failover is \"1MB\"; allowed is a "
                "whole number of bytes, without a unit; 1048576 is in force"});
}

TEST_F(Config, ErrorsDoNotRepeatPasswords) {
  EXPECT_EQ(error(kMinimal, {{"PATRONI_ETCD3_URL", "ftp://u:secret@h:1"}}).find("secret"),
            std::string::npos);
  EXPECT_EQ(error(replaced(kMinimal, "username: replicator",
                           "username: replicator\n      password: [secret]"))
                .find("secret"),
            std::string::npos);
}

TEST_F(Config, UnknownKeysAreNamedInOneWarningWithWhatWasMeant) {
  const LoadedConfig loaded = load(
      replaced(kMinimal, "  data_dir: /data\n", "  data_dir: /data\n  pgpas: /x\n  wal_e: {}\n") +
          "tgas: {}\ntags: {own: 1}\nbootstrap: {dcs: {tll: 5, postgresql: {pg_hab: []}}}\n",
      {{"PATRONI_NAEM", "x"}});
  EXPECT_EQ(
      loaded.unknown_keys,
      (std::vector<std::string>{"postgresql.pgpas", "postgresql.wal_e", "tgas", "bootstrap.dcs.tll",
                                "bootstrap.dcs.postgresql.pg_hab", "PATRONI_NAEM"}));
  ASSERT_EQ(loaded.warnings.size(), 1U);
  const std::string& warning = loaded.warnings.front();
  EXPECT_NE(warning.find("patroni.yml:10, did you mean postgresql.pgpass?"), std::string::npos)
      << warning;
  EXPECT_NE(warning.find("did you mean tags?"), std::string::npos) << warning;
  EXPECT_NE(warning.find("did you mean bootstrap.dcs.ttl?"), std::string::npos) << warning;
}

TEST_F(Config, UnknownKeysAreSentWhereTheyBelong) {
  const auto meant = [&](const std::string& text) {
    const LoadedConfig loaded = load(kMinimal + text);
    EXPECT_EQ(loaded.unknown_keys.size(), 1U) << text;
    const std::string warning = loaded.warnings.empty() ? "" : loaded.warnings.front();
    const std::size_t from = warning.find("did you mean ");
    if (from == std::string::npos) return std::string();
    return warning.substr(from + 13, warning.find('?') - from - 13);
  };
  EXPECT_EQ(meant("bootstrap: {dcs: {initdb: []}}"), "bootstrap.initdb");
  EXPECT_EQ(meant("bootstrap: {dcs: {postgresql: {slots: {}}}}"), "bootstrap.dcs.slots");
  EXPECT_EQ(meant("bootstrap: {postgresql: {}}"), "bootstrap.dcs.postgresql");
  EXPECT_EQ(meant("bootstrap: {basebackup: []}"), "postgresql.basebackup");
  EXPECT_EQ(meant("data_dir: /x"), "postgresql.data_dir");
  EXPECT_EQ(meant("listen: ':1'"), "") << "of two sections";
  EXPECT_EQ(meant("ctl: {cafile: x}"), "ctl.cacert");
  EXPECT_EQ(meant("bootstrap: {dcs: {postgresql: {port: 5}}}"), "bootstrap.dcs.postgresql.listen");
  EXPECT_EQ(meant("ctl: {authentication: {user: x}}"), "ctl.authentication.username");
  EXPECT_EQ(meant("bootstrap: {dcs: {postgresql: {max_connections: 5}}}"),
            "bootstrap.dcs.postgresql.parameters.max_connections");
  EXPECT_EQ(meant("bootstrap: {dcs: {postgresql: {parameters: , jit_cost: 5}}}"),
            "bootstrap.dcs.postgresql.parameters.jit_cost");
  EXPECT_EQ(meant("bootstrap: {dcs: {postgresql: {parameters: {}, jit_cost: 5}}}"), "");
}

TEST_F(Config, NamesAndPasswordsThatYamlWouldChangeAreNamedAndTakenToTheLetter) {
  const std::string text = replaced(replaced(kMinimal, "name: node-a", "name: no"),
                                    "username: replicator", "username: 1e3\n      password: 0123");
  const LoadedConfig loaded = load(text);
  ASSERT_EQ(loaded.warnings.size(), 2U);
  EXPECT_NE(loaded.warnings[0].find("patroni.yml:2: name is a number or a boolean"),
            std::string::npos);
  EXPECT_NE(
      loaded.warnings[1].find("patroni.yml:13: postgresql.authentication.replication.password"),
      std::string::npos);
  EXPECT_EQ(loaded.warnings[1].find("0123"), std::string::npos);
  EXPECT_EQ(loaded.config.name, "no");
  EXPECT_EQ(loaded.config.postgresql.replication.password, "0123");
  for (const char* quiet : {"12345", "'0123'", "\"yes\"", "0089", "null", "1.5.2"})
    EXPECT_TRUE(load(replaced(kMinimal, "username: replicator",
                              "username: r\n      password: " + std::string(quiet)))
                    .warnings.empty())
        << quiet;
}

TEST_F(Config, NumbersAmongTheParametersArePrintedAsPostgresqlReadsThem) {
  const auto parameters =
      load(replaced(kMinimal, "  data_dir: /data\n",
                    "  data_dir: /data\n  parameters: {a: 1_024, b: 1:30, c: 0640, d: '1_0', "
                    "e: 0.50, f: 30s}\n"))
          .config.postgresql.parameters;
  EXPECT_EQ(
      parameters,
      (std::map<std::string, std::string>{
          {"a", "1024"}, {"b", "90"}, {"c", "416"}, {"d", "1_0"}, {"e", "0.50"}, {"f", "30s"}}));
}

TEST_F(Config, WhatHoldsAnchorsIsNoUnknownKey) {
  const LoadedConfig loaded = load(std::string(kMinimal) +
                                   "x-tags: &own {own: 1}\n.more: &more {a: 2}\n"
                                   "tags: {<<: [*own, *more]}\n");
  EXPECT_EQ(loaded.warnings, std::vector<std::string>{});
  EXPECT_EQ(loaded.config.tags.published, R"({"own":1,"a":2})");
}

TEST_F(Config, SectionsThatAPersonNamesAreKnown) {
  EXPECT_TRUE(load(std::string(kMinimal) + "bootstrap: {method: clone, clone: {no_params: true}}\n")
                  .unknown_keys.empty());
  EXPECT_EQ(load(std::string(kMinimal) + "bootstrap: {clone: {command: x}}\n").unknown_keys,
            std::vector<std::string>{"bootstrap.clone"});
}

TEST_F(Config, OfAccessIsReadToTheLetter) {
  const auto with = [&](const std::string& line) {
    return error(replaced(kMinimal, "restapi:\n", "restapi:\n  " + line + "\n"));
  };
  for (const char* wrong :
       {"10.0.0.0/33", "fd00::/129", "10.0.0/8", "10.0.0.256", "a b", "10.0.0.0/"}) {
    const std::string said = with("allowlist: ['127.0.0.1', '" + std::string(wrong) + "']");
    EXPECT_EQ(said,
              "patroni.yml:4: restapi.allowlist is a list; allowed is networks (10.0.0.0/8, "
              "fd00::/8), addresses and host names; '" +
                  std::string(wrong) + "' is none of them");
  }
  EXPECT_EQ(with("allowlist: {a: b}"),
            "patroni.yml:4: restapi.allowlist is a map; allowed is a list, or a text of words "
            "between commas");
  EXPECT_EQ(with("allowlist_include_members: some"),
            "patroni.yml:4: restapi.allowlist_include_members is 'some'; allowed is true or false "
            "(on/off, yes/no, 1/0)");
  EXPECT_EQ(with("request_queue_size: 4097"),
            "patroni.yml:4: restapi.request_queue_size is '4097'; allowed is a whole number from 0 "
            "to 4096");
  EXPECT_EQ(with("http_extra_headers: {'X A': b}"),
            "patroni.yml:4: restapi.http_extra_headers is a map; allowed is a map of names and "
            "texts; 'X A' cannot be a header's name");
  EXPECT_EQ(with("https_extra_headers: {X-A: \"b\\r\\nX-B: c\"}"),
            "patroni.yml:4: restapi.https_extra_headers is a map; allowed is a map of names and "
            "texts; that of 'X-A' is not one line");
  EXPECT_EQ(with("ciphers: [HIGH]"), "patroni.yml:4: restapi.ciphers is a list; allowed is a text");
  EXPECT_EQ(with("keyfile_password: [secret]"),
            "patroni.yml:4: restapi.keyfile_password is a value; allowed is a text");
}

TEST_F(Config, AccessThatIsLessGuardedThanItLooksIsWarnedOf) {
  const auto warning = [&](const std::string& line) {
    const auto loaded = load(replaced(kMinimal, "restapi:\n", "restapi:\n  " + line + "\n"));
    return loaded.warnings.size() == 1 ? loaded.warnings.front() : "no warning, or several";
  };
  EXPECT_EQ(warning("allowlist: []"),
            "restapi.allowlist is empty: requests that change something are taken from everywhere");
  EXPECT_EQ(
      warning("ciphers: HIGH\n  verify_client: optional"),
      "restapi.ciphers, restapi.verify_client without effect: restapi.certfile is missing, so "
      "the REST API speaks HTTP without TLS");
}

TEST_F(Config, AnAddressThatLeadsWhoeverUsesItToItselfIsRefused) {
  const std::string allowed =
      "; allowed is an address at which the other members and clients reach this node: this one "
      "leads whoever uses it to itself";
  const auto with = [&](const std::string& section, const std::string& line) {
    return error(replaced(kMinimal, section + ":\n", section + ":\n  " + line + "\n"));
  };
  EXPECT_EQ(with("restapi", "connect_address: 0.0.0.0:8008"),
            "patroni.yml:4: restapi.connect_address is '0.0.0.0:8008'" + allowed);
  EXPECT_NE(with("restapi", "connect_address: '*:8008'").find(allowed), std::string::npos);
  for (const char* key : {"connect_address", "proxy_address"}) {
    for (const char* address : {"0.0.0.0:5432", "'[::]:5432'", "':5432'"}) {
      const std::string said = with("postgresql", std::string(key) + ": " + address);
      EXPECT_NE(said.find("postgresql." + std::string(key) + " is "), std::string::npos) << said;
      EXPECT_NE(said.find(allowed), std::string::npos) << said;
    }
  }
}

TEST_F(Config, APortAloneIsNoAddress) {
  const std::string listen = "listen: 127.0.0.1:5432";
  EXPECT_EQ(error(replaced(kMinimal, listen, "listen: 5433")),
            "patroni.yml:8: postgresql.listen is '5433'; allowed is host:port, an IPv6 address in "
            "brackets");
  const LoadedConfig loaded =
      load(replaced(kMinimal, listen, "connect_address: a:5433\n  listen: ':5433'"));
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_EQ(loaded.warnings.front(),
            "postgresql.listen names no address: PostgreSQL listens on every one; write *:5433 if "
            "that is meant, or the address before the colon");
}

TEST_F(Config, ANameThatPostgresqlWouldCutIsRefused) {
  const auto named = [&](std::size_t bytes) {
    const std::string text(kMinimal);
    const auto at = text.find("name: ");
    return error(text.substr(0, at) + "name: " + std::string(bytes, 'n') +
                 text.substr(text.find('\n', at)));
  };
  EXPECT_EQ(named(63), "accepted");
  EXPECT_NE(named(64).find("allowed is a name of at most 63 bytes (this one has 64)"),
            std::string::npos)
      << named(64);
}

TEST_F(Config, LocalKeysThatOnlyTheDynamicConfigurationSetsAreSaidToDoNothing) {
  const LoadedConfig loaded =
      load("ttl: 5\nsynchronous_mode: on\n" +
           replaced(kMinimal, "  data_dir: /data\n",
                    "  data_dir: /data\n  parameters: {max_connections: 5, MAX_WAL_SENDERS: 3}\n"));
  ASSERT_EQ(loaded.warnings.size(), 2U);
  EXPECT_NE(loaded.warnings[0].find("ttl, synchronous_mode"), std::string::npos);
  EXPECT_NE(loaded.warnings[1].find("max_connections, max_wal_senders"), std::string::npos);
  EXPECT_TRUE(loaded.config.postgresql.parameters.empty());
  EXPECT_EQ(loaded.initial_settings.ttl, Milliseconds(30s));
}

TEST_F(Config, TimeoutsOfBootstrapThatDoNotFitAreAdjustedAndSaid) {
  const LoadedConfig loaded = load(
      std::string(kMinimal) + "bootstrap: {dcs: {ttl: 20, loop_wait: 10, retry_timeout: 10}}\n");
  EXPECT_EQ(loaded.initial_settings.retry_timeout, Milliseconds(9s));
  EXPECT_EQ(loaded.warnings.size(), 2U);
}

TEST_F(Config, EtcdMayBeGivenAsUrlAliasOrProxy) {
  const std::string hosts = "  hosts: 10.0.0.1:2379,10.0.0.2:2379\n";
  EtcdConfig etcd =
      load(replaced(kMinimal, hosts, "  url: https://u:p@[fd00::1]:2380/\n")).config.etcd;
  EXPECT_EQ(etcd.endpoints, std::vector<std::string>{"[fd00::1]:2380"});
  EXPECT_TRUE(etcd.use_tls);
  EXPECT_EQ(etcd.username, "u");
  EXPECT_EQ(etcd.password, "p");
  etcd = load(replaced(kMinimal, hosts, "  proxy: http://p:1\n  username: keep\n")).config.etcd;
  EXPECT_TRUE(etcd.use_proxies);
  EXPECT_EQ(etcd.username, "keep");
  const LoadedConfig alias = load(replaced(kMinimal, "etcd3:", "etcd:"));
  EXPECT_EQ(alias.config.etcd.endpoints.size(), 2U);
  ASSERT_EQ(alias.warnings.size(), 1U);
  EXPECT_NE(alias.warnings[0].find("etcd3"), std::string::npos);
  EXPECT_NE(error(replaced(kMinimal, "etcd3:", "consul:")).find("etcd3"), std::string::npos);
}

TEST_F(Config, EtcdMayBeNamedByADomain) {
  const std::string hosts = "  hosts: 10.0.0.1:2379,10.0.0.2:2379\n";
  EtcdConfig etcd =
      load(replaced(kMinimal, hosts, "  srv: example.org.\n  srv_suffix: prod\n")).config.etcd;
  EXPECT_EQ(etcd.srv, "example.org");
  EXPECT_EQ(etcd.srv_suffix, "prod");
  EXPECT_TRUE(etcd.endpoints.empty());
  etcd = load(replaced(kMinimal, hosts, hosts + "  srv_domain: example.org\n")).config.etcd;
  EXPECT_EQ(etcd.srv, "example.org");
  EXPECT_EQ(etcd.endpoints.size(), 2U);  // until the records are found
  etcd = load(replaced(kMinimal, hosts, "  srv: example.org\n  proxy: http://p:1\n")).config.etcd;
  EXPECT_EQ(etcd.srv, "");
  EXPECT_NE(error(replaced(kMinimal, hosts, "  srv: http://example.org\n")).find("etcd3.srv"),
            std::string::npos);
  EXPECT_NE(error(replaced(kMinimal, hosts, "  username: u\n")).find("etcd3.hosts"),
            std::string::npos);
}

TEST_F(Config, NamesThatWouldBreakTheStoresKeysAreRefused) {
  EXPECT_NE(error(replaced(kMinimal, "node-a", "a/b")).find("name is 'a/b'"), std::string::npos);
  EXPECT_NE(error(replaced(kMinimal, "node-a", "__patroni_strict_sync_replica_placeholder__")),
            "accepted");
}

TEST_F(Config, ForCtlNeedsNothing) {
  const AgentConfig config = load_config("", {}, ConfigUse::Ctl).config;
  EXPECT_EQ(config.scope, "");
  EXPECT_TRUE(config.etcd.endpoints.empty());
  EXPECT_EQ(config.name_space, "service");
}

}  // namespace
}  // namespace pgherd
