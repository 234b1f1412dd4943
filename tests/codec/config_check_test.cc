#include "codec/config_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace pgherd {
namespace {

constexpr const char* kGood = R"(scope: main
name: node-a
restapi: {listen: '10.0.0.1:8008'}
etcd3: {host: e}
bootstrap: {dcs: {ttl: 30}}
postgresql:
  listen: '10.0.0.1:5432'
  data_dir: /data
  authentication: {replication: {username: r}}
)";

class ConfigCheck : public ::testing::Test {
 public:
  ConfigCheck() {
    std::string pattern = ::testing::TempDir() + "pgherd_check_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ConfigCheck() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  CheckedConfig check(const std::string& text,
                      const std::map<std::string, std::string>& environment = {}) {
    std::ofstream(folder_ / "a.yml") << text;
    CheckedConfig checked = check_config((folder_ / "a.yml").string(), environment);
    // Without the folder in front of the file's name.
    for (auto* lines : {&checked.problems, &checked.loaded.warnings})
      for (std::string& line : *lines)
        if (line.starts_with(folder_.string())) line.erase(0, folder_.string().size() + 1);
    return checked;
  }
  static bool begins(const std::vector<std::string>& lines, const std::string& words) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.starts_with(words); });
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigCheck, NothingIsSaidOfWhatIsRight) {
  const CheckedConfig checked = check(kGood);
  EXPECT_TRUE(checked.problems.empty()) << checked.problems.front();
  EXPECT_TRUE(checked.loaded.warnings.empty());
  EXPECT_TRUE(checked.has_good("restapi.listen"));
  EXPECT_FALSE(checked.has_good("restapi.cafile"));
  EXPECT_TRUE(checked.place_of("postgresql.data_dir").ends_with("a.yml:8: postgresql.data_dir"));
}

TEST_F(ConfigCheck, AllMistakesAreToldAtOnceWithTheirLines) {
  const CheckedConfig checked = check(R"(scope: a/b
restapi:
  listen: nowhere:port
  verify_client: perhaps
  allowlist: [10.0.0.0/33]
etcd3: {host: e, protocol: ftp}
citus: {group: 0, database: d}
consul: {host: h}
log: {level: LOUD, loggers: {patroni.api: SILENT}}
bootstrap:
  dcs:
    ttl: many
    maximum_lag_on_failover: -1
    postgresql: {parameters: {max_connections: 0}}
postgresql:
  listen: 10.0.0.1:5432
  data_dir: /data
  pg_hba: none
  config_base_name: a/b
tags: {nofailover: perhaps}
)");
  for (const char* begin :
       {"a.yml:1: scope is 'a/b'", "a.yml:3: restapi.listen is 'nowhere:port'",
        "a.yml:4: restapi.verify_client is 'perhaps'", "a.yml:5: restapi.allowlist is ",
        "a.yml:6: etcd3.protocol is 'ftp'", "a.yml:7: citus is not served: ",
        "a.yml:8: consul is not served: ", "a.yml:9: log.level is 'LOUD'",
        "a.yml:9: log.loggers.patroni.api is 'SILENT'",
        "a.yml:13: bootstrap.dcs.maximum_lag_on_failover is '-1'; allowed is a whole number from 0",
        "a.yml:14: bootstrap.dcs.postgresql.parameters.max_connections is '0'",
        "a.yml:18: postgresql.pg_hba is 'none'", "a.yml:19: postgresql.config_base_name is 'a/b'",
        "a.yml:20: tags.nofailover is 'perhaps'", "a.yml: name is missing",
        "a.yml: postgresql.authentication.replication.username is missing"})
    EXPECT_TRUE(begins(checked.problems, begin)) << begin;
  EXPECT_TRUE(std::any_of(checked.problems.begin(), checked.problems.end(), [](const auto& line) {
    return line.find("bootstrap.dcs.ttl is \"many\"") != std::string::npos;
  }));
  EXPECT_EQ(checked.problems.size(), 17U);
  EXPECT_FALSE(checked.has_good("restapi.listen"));
  EXPECT_TRUE(checked.has_good("postgresql.listen"));
}

TEST_F(ConfigCheck, WhatTheStoreWouldHoldInVainIsRemarkedOnWithItsLine) {
  const CheckedConfig checked = check(R"(scope: main
name: node-a
restapi: {listen: '10.0.0.1:8008'}
etcd3: {host: e}
bootstrap:
  dcs:
    pause: later
    member_slots_ttl: -1
    maximum_lag_on_failover: 1MB
    max_timelines_history: -2
    slots:
      Bad-Name: {type: physical}
      half: {type: logical}
    ignore_slots: all
    standby_cluster:
      host: [a, b]
      port: 70000
      primary_slot_name: A-b
      create_replica_methods: basebackup
    postgresql:
      use_slots: 7
      use_pg_rewind: perhaps
      pg_ctl_timeout: -3
      pg_hba: host all all all md5
      pg_ident: {a: b}
      callbacks: {on_start: "it's"}
      recovery_conf: {restore_command: [cp]}
      bin_name: {initdb: [a]}
      parameters:
        max_wal_senders: many
        wal_level: minimal
        max_connections: 20
        work_mem: [1MB]
      wal_copy: {command: [c]}
      create_replica_methods: [wal_copy]
postgresql:
  listen: '10.0.0.1:5432'
  data_dir: /data
  authentication: {replication: {username: r}}
  pg_hba: [local all all peer]
tags: {failover_priority: -2, sync_priority: -1}
)");
  const std::string in_dcs = "bootstrap.dcs.";
  const std::vector<std::pair<int, std::string>> told = {
      {7, in_dcs + "pause is \"later\"; allowed is true or false; false is in force"},
      {8, in_dcs + "member_slots_ttl is -1; allowed is a time, as in 30min"},
      {9, in_dcs + "maximum_lag_on_failover is \"1MB\"; allowed is a whole number of bytes"},
      {10, in_dcs + "max_timelines_history is -2; allowed is a whole number; 0 is in force"},
      {12, in_dcs + "slots.Bad-Name is no permanent slot that can be made: PostgreSQL allows"},
      {13, in_dcs + "slots.half is no permanent slot that can be made: a logical slot needs"},
      {14, in_dcs + "ignore_slots is \"all\"; allowed is a list of maps"},
      {16, in_dcs + "standby_cluster.host is [\"a\",\"b\"]; allowed is a text"},
      {17, in_dcs + "standby_cluster.port is 70000; allowed is a port from 1 to 65535"},
      {18, in_dcs + "standby_cluster.primary_slot_name is A-b, which no slot can be called"},
      {19, in_dcs + "standby_cluster.create_replica_methods is \"basebackup\"; allowed is a list"},
      {21, in_dcs + "postgresql.use_slots is 7; allowed is true or false; true is in force"},
      {22, in_dcs + "postgresql.use_pg_rewind is \"perhaps\"; allowed is true or false"},
      {23, in_dcs + "postgresql.pg_ctl_timeout is -3; allowed is a number of seconds"},
      {24, in_dcs + "postgresql.pg_hba is \"host all all all md5\"; allowed is a list of lines"},
      {25, in_dcs + "postgresql.pg_ident is {\"a\":\"b\"}; allowed is a list of lines"},
      {26, in_dcs + "postgresql.callbacks.on_start is \"it's\"; allowed is a command"},
      {27, in_dcs + "postgresql.recovery_conf.restore_command is [\"cp\"]; allowed is a text"},
      {28, in_dcs + "postgresql.bin_name.initdb is [\"a\"]; allowed is a text"},
      {30, in_dcs + "postgresql.parameters.max_wal_senders is \"many\"; allowed is a whole number, "
                    "at least 3; 10 is used"},
      {31,
       in_dcs + "postgresql.parameters.wal_level is \"minimal\"; allowed is replica or logical"},
      {32, in_dcs + "postgresql.parameters.max_connections is \"20\"; allowed is a whole number, "
                    "at least 25; 100 is used"},
      {33, in_dcs + "postgresql.parameters.work_mem is [\"1MB\"]; allowed is a text"},
      {34, in_dcs + "postgresql.wal_copy.command is "},
      {41, "tags.failover_priority is -2; allowed is a whole number from 0 on; it counts as 0"},
      {41, "tags.sync_priority is -1; allowed is a whole number from 0 on; it counts as 0"}};
  for (const auto& [line, words] : told) {
    const std::string expected = "a.yml:" + std::to_string(line) + ": " + words;
    EXPECT_TRUE(begins(checked.loaded.warnings, expected)) << expected;
  }
  EXPECT_EQ(checked.loaded.warnings.size(), told.size());
  EXPECT_TRUE(checked.problems.empty()) << checked.problems.front();
}

TEST_F(ConfigCheck, AValueIsEitherWrongOrRemarkable) {
  const CheckedConfig checked = check(R"(scope: main
name: node-a
restapi: {listen: '10.0.0.1:8008'}
etcd3: {host: e}
bootstrap:
  dcs:
    primary_start_timeout: -1
    postgresql: {parameters: {max_connections: 0}}
postgresql:
  listen: '10.0.0.1:5432'
  data_dir: /data
  authentication: {replication: {username: r}}
)");
  EXPECT_EQ(checked.problems.size(), 2U);
  EXPECT_TRUE(checked.loaded.warnings.empty()) << checked.loaded.warnings.front();
}

TEST_F(ConfigCheck, AnEmptyFileLacksWhatIsNeededOfEverySection) {
  const CheckedConfig checked = check("{}");
  EXPECT_EQ(checked.problems.size(), 7U);
  for (const char* key : {"scope", "name", "restapi.listen", "etcd3.hosts", "postgresql.listen",
                          "postgresql.data_dir", "postgresql.authentication.replication.username"})
    EXPECT_TRUE(begins(checked.problems, std::string("a.yml: ") + key + " is missing")) << key;
}

TEST_F(ConfigCheck, AVariableIsToldByItsName) {
  const CheckedConfig checked = check(kGood, {{"PATRONI_RESTAPI_LISTEN", "1:2:x"}});
  ASSERT_EQ(checked.problems.size(), 1U);
  EXPECT_TRUE(checked.problems.front().starts_with(
      "variable PATRONI_RESTAPI_LISTEN: restapi.listen is '1:2:x'"));
}

TEST_F(ConfigCheck, WhatIsInForceIsOneDocument) {
  const CheckedConfig checked = check(kGood, {{"PATRONI_NAME", "other"},
                                              {"PATRONI_RESTAPI_USERNAME", "u"},
                                              {"PATRONI_RESTAPI_PASSWORD", "p"}});
  EXPECT_NE(checked.effective_yaml.find("name: other\n"), std::string::npos);
  EXPECT_NE(checked.effective_yaml.find("restapi:\n  authentication:\n    password: p\n"),
            std::string::npos);
}

TEST_F(ConfigCheck, WhatIsStillToBeFilledInIsNamed) {
  const CheckedConfig checked =
      check(std::string(kGood) + "ctl: {authentication: {username: u, password: '#FIXME'}}\n");
  ASSERT_EQ(checked.loaded.warnings.size(), 1U);
  EXPECT_NE(checked.loaded.warnings.front().find("ctl.authentication.password"), std::string::npos);
}

TEST_F(ConfigCheck, ThereMustBeADocument) {
  EXPECT_THROW((void)check_config("/nonexistent/file.yml", {}), ConfigError);
  EXPECT_THROW((void)check("a: [1"), ConfigError);
}

}  // namespace
}  // namespace pgherd
