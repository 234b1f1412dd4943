// The ways to make a copy that a person names.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "codec/config.h"
#include "codec/postgres_settings.h"

namespace pgherd {
namespace {

constexpr const char* kBefore = R"(scope: main
name: node-a
restapi: {listen: '127.0.0.1:8008'}
etcd3: {host: e}
bootstrap: {dcs: {standby_cluster: {host: h, create_replica_methods: [wal_far]}}}
postgresql:
  listen: 127.0.0.1:5432
  data_dir: /data
  authentication: {replication: {username: replicator}}
)";

class Methods : public ::testing::Test {
 public:
  Methods() {
    std::string pattern = ::testing::TempDir() + "pgherd_methods_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Methods() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  // `more`: lines of the section postgresql.
  LoadedConfig load(const std::string& more) {
    std::ofstream(folder_ / "patroni.yml") << kBefore << more;
    return load_config((folder_ / "patroni.yml").string(), {});
  }
  std::filesystem::path folder_;
};

TEST_F(Methods, GetTheirKeysAsArgumentsInTheOrderOfTheFile) {
  const LoadedConfig loaded = load(R"(
  create_replica_methods: [wal_e, basebackup]
  wal_e:
    retries: 2
    command: patroni_wale_restore --verbose
    no_leader: 1
    use_iam: yes
    note: 'yes'
    envdir: /etc/wal e
    datadir: /elsewhere
    nothing: null
)");
  const PostgresConfig& config = loaded.config.postgresql;
  EXPECT_EQ(config.create_replica_methods, (std::vector<std::string>{"wal_e", "basebackup"}));
  const ReplicaMethod& method = config.replica_methods.at("wal_e");
  EXPECT_EQ(method.command.words, (CommandWords{"patroni_wale_restore", "--verbose"}));
  EXPECT_TRUE(method.no_leader);
  EXPECT_FALSE(method.keep_data);
  EXPECT_FALSE(method.command.no_params);
  // The standard arguments take the place of those that have their names.
  EXPECT_EQ(method.command.arguments, (OptionList{{"retries", "2"},
                                                  {"no_leader", "1"},
                                                  {"use_iam", "True"},
                                                  {"note", "yes"},
                                                  {"envdir", "/etc/wal e"}}));
  EXPECT_TRUE(loaded.warnings.empty());
  EXPECT_TRUE(can_copy_without_leader(config));
}

TEST_F(Methods, WithoutParametersGetTheirOwnKeysAloneAndNoneOfTheSwitches) {
  const LoadedConfig loaded = load(R"(
  create_replica_method: pgbackrest
  pgbackrest: {command: 'pgbackrest --delta restore', keep_data: True, no_params: true, datadir: /d}
)");
  const ReplicaMethod& method = loaded.config.postgresql.replica_methods.at("pgbackrest");
  EXPECT_TRUE(method.keep_data);
  EXPECT_TRUE(method.command.no_params);
  EXPECT_EQ(method.command.arguments, (OptionList{{"datadir", "/d"}}));
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST_F(Methods, WithoutASectionAreProgramsAndThatIsSaid) {
  const LoadedConfig loaded = load("  create_replica_methods: [wal_g]\n  wal_q: {command: x}\n");
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_EQ(loaded.warnings[0],
            "postgresql.create_replica_methods names wal_g, and there is no section "
            "postgresql.wal_g: a program of that name is run");
}

TEST_F(Methods, WithWhatNoCommandCanBeGivenAreRefused) {
  const auto error = [this](const std::string& more) -> std::string {
    try {
      (void)load("  create_replica_methods: [mine]\n" + more);
    } catch (const ConfigError& problem) {
      return problem.what();
    }
    return "accepted";
  };
  EXPECT_NE(error("  mine: {command: x, hosts: [a, b]}\n").find("postgresql.mine.hosts is"),
            std::string::npos);
  EXPECT_NE(
      error("  mine: {command: x, keep_data: perhaps}\n").find("postgresql.mine.keep_data is"),
      std::string::npos);
  EXPECT_NE(error("  mine: {command: \"x 'y\"}\n").find("every quote is closed"),
            std::string::npos);
  EXPECT_NE(error("  mine: x\n").find("allowed is a section"), std::string::npos);
}

TEST_F(Methods, ThatOnlyTheDynamicConfigurationNamesAreReadWhereTheyStand) {
  const LoadedConfig loaded = load(R"(
  wal_far: {command: far, no_params: true}
  wal_near: {command: near}
  pg_hbaa: {all: [of, them]}
)");
  ASSERT_EQ(loaded.unknown_keys, std::vector<std::string>{"postgresql.pg_hbaa"});
  std::vector<std::string> warnings;
  const PostgresConfig merged = merge_dynamic(
      loaded.config.postgresql,
      R"({"standby_cluster":{"host":"h","create_replica_methods":["wal_far","basebackup"]},)"
      R"("postgresql":{"create_replica_methods":["wal_near","there"],)"
      R"("wal_near":{"command":"other"},"there":{"command":"c","keep_data":true}}})",
      &warnings);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(merged.remote_copy_methods, (std::vector<std::string>{"wal_far", "basebackup"}));
  EXPECT_EQ(merged.create_replica_methods, (std::vector<std::string>{"wal_near", "there"}));
  EXPECT_EQ(merged.replica_methods.at("wal_far").command.words, CommandWords{"far"});
  EXPECT_EQ(merged.replica_methods.at("wal_near").command.words,
            CommandWords{"near"});  // the local one counts
  EXPECT_TRUE(merged.replica_methods.at("there").keep_data);
  EXPECT_EQ(merged.replica_methods.at("there").command.arguments,
            (OptionList{{"keep_data", "True"}}));
}

TEST_F(Methods, OfTheDynamicConfigurationThatWillNotDoAreSaid) {
  std::vector<std::string> warnings;
  (void)merge_dynamic({},
                      R"({"standby_cluster":{"host":"h","create_replica_methods":7},"postgresql":)"
                      R"({"create_replica_methods":["a","b"],"a":7,"b":{"x":[]}}})",
                      &warnings);
  ASSERT_EQ(warnings.size(), 5U);
  EXPECT_EQ(warnings[0],
            "dynamic configuration: standby_cluster.create_replica_methods is 7; allowed is a list "
            "of names");
  EXPECT_EQ(warnings[1],
            "dynamic configuration: postgresql.a is 7; allowed is a section (a map of keys)");
  EXPECT_NE(warnings[2].find("postgresql.b.x is"), std::string::npos);
}

// As a file of its own, which is merged.
class MethodsOfBootstrap : public Methods {
 protected:
  LoadedConfig load_with(const std::string& bootstrap) {
    std::ofstream(folder_ / "1.yml") << kBefore;
    std::ofstream(folder_ / "2.yml") << bootstrap;
    return load_config(folder_.string(), {});
  }
};

TEST_F(MethodsOfBootstrap, HaveACommandItsArgumentsAndARecovery) {
  const LoadedConfig loaded = load_with(R"(bootstrap:
  method: pitr
  pitr:
    command: restore --all
    stanza: main
    force: true
    keep_existing_recovery_conf: no
    scope: other
    recovery_conf: {Restore_Command: 'cp a/%f %p', recovery_target_action: promote}
)");
  ASSERT_TRUE(loaded.config.bootstrap->method.has_value());
  const BootstrapMethod& method = *loaded.config.bootstrap->method;
  EXPECT_EQ(method.name, "pitr");
  EXPECT_EQ(method.command.words, (CommandWords{"restore", "--all"}));
  EXPECT_EQ(method.command.arguments, (OptionList{{"stanza", "main"}, {"force", "True"}}));
  EXPECT_FALSE(method.command.no_params);
  EXPECT_FALSE(method.keep_existing_recovery_conf);
  EXPECT_EQ(method.recovery_conf,
            (std::map<std::string, std::string>{{"restore_command", "cp a/%f %p"},
                                                {"recovery_target_action", "promote"}}));
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST_F(MethodsOfBootstrap, AreInitdbWithoutACommandAndThatIsSaidOfOneWithoutASection) {
  EXPECT_FALSE(load_with("bootstrap: {method: initdb}").config.bootstrap->method.has_value());
  EXPECT_FALSE(load_with("bootstrap: {method: a, a: {x: y}}").config.bootstrap->method.has_value());
  const LoadedConfig loaded = load_with("bootstrap: {method: a, b: {command: x}}");
  EXPECT_FALSE(loaded.config.bootstrap->method.has_value());
  const auto names_it = [](const std::string& warning) {
    return warning.find("bootstrap.method names a, and there is no section bootstrap.a") == 0;
  };
  EXPECT_TRUE(std::any_of(loaded.warnings.begin(), loaded.warnings.end(), names_it));
}

TEST_F(MethodsOfBootstrap, MayPauseInTheWordsOfRecoveryConfAndArePromotedAllTheSame) {
  const LoadedConfig loaded = load_with(
      "bootstrap: {method: a, a: {command: x, recovery_conf: {pause_at_recovery_target: true}}}");
  EXPECT_FALSE(
      loaded.config.bootstrap->method->recovery_conf->contains("pause_at_recovery_target"));
  EXPECT_TRUE(std::any_of(loaded.warnings.begin(), loaded.warnings.end(), [](const auto& warning) {
    return warning.find("recovery_target_action is pause, which is not served") !=
           std::string::npos;
  }));
}

TEST_F(MethodsOfBootstrap, AreFollowedByACommandWhoseQuotesAreClosed) {
  EXPECT_THROW((void)load_with("bootstrap: {post_init: \"/bin/sh -c 'x\"}"), ConfigError);
}

TEST_F(MethodsOfBootstrap, EndTheirRecoveryWithAPromotion) {
  const LoadedConfig loaded = load_with(
      "bootstrap: {method: a, a: {command: x, recovery_conf: {recovery_target_action: pause}}}");
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_EQ(loaded.warnings[0].find("bootstrap.a.recovery_conf.recovery_target_action is pause"),
            0U);
}

}  // namespace
}  // namespace pgherd
