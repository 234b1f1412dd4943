#include "codec/config_generator.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "codec/config_check.h"

namespace pgherd {
namespace {

using Environment = std::map<std::string, std::string>;

class Generator : public ::testing::Test {
 public:
  Generator() {
    std::string pattern = ::testing::TempDir() + "pgherd_generate_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    facts.host_name = "db1";
    facts.address = "10.0.0.7";
  }
  ~Generator() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  CheckedConfig checked(const Environment& environment = {}) {
    std::ofstream(folder_ / "a.yml") << generated_config(facts);
    CheckedConfig made = check_config((folder_ / "a.yml").string(), environment);
    for (const std::string& problem : made.problems)
      ADD_FAILURE() << problem;
    return made;
  }
  static ServerFacts debians() {
    return {.data_dir = "/var/lib/postgresql/17/main",
            .bin_dir = "/usr/lib/postgresql/17/bin",
            .config_file = "/etc/postgresql/17/main/postgresql.conf",
            .hba_file = "/etc/postgresql/17/main/pg_hba.conf",
            .ident_file = "/etc/postgresql/17/main/pg_ident.conf",
            .listen_addresses = "localhost",
            .port = "5433",
            .connect_port = "5433",
            .cluster_name = "17/main",
            .parameters = {{"archive_command", "cp %p /a/%f"},
                           {"max_connections", "150"},
                           {"wal_level", "replica"}},
            .hba_lines = {"local all postgres peer"},
            .ident_lines = {},
            .superuser = {{"username", "postgres"}, {"sslmode", "require"}}};
  }

  GeneratorFacts facts;
  std::filesystem::path folder_;
};

TEST_F(Generator, ASampleHasTheDefaultsAndNamesWhatIsToBeFilledIn) {
  const CheckedConfig made = checked();
  ASSERT_EQ(made.loaded.warnings.size(), 1U);
  for (const char* key :
       {"scope", "postgresql.data_dir", "postgresql.authentication.superuser.password",
        "postgresql.authentication.replication.password",
        "postgresql.authentication.rewind.password"})
    EXPECT_NE(made.loaded.warnings.front().find(key), std::string::npos) << key;
  const AgentConfig& config = made.loaded.config;
  EXPECT_EQ(config.name, "db1");
  EXPECT_EQ(config.restapi.connect_address, "10.0.0.7:8008");
  EXPECT_EQ(config.postgresql.listen, (ListenAddress{.host = "10.0.0.7", .port = 5432}));
  EXPECT_EQ(config.postgresql.pg_hba,
            (std::vector<std::string>{"host all all all scram-sha-256",
                                      "host replication replicator all scram-sha-256"}));
  EXPECT_EQ(made.loaded.initial_settings.ttl, Milliseconds(30s));
  EXPECT_TRUE(made.loaded.initial_settings.use_pg_rewind);
  EXPECT_EQ(config.log, LogConfig{});
}

TEST_F(Generator, VariablesStandInTheSample) {
  facts.environment = {{"PATRONI_SCOPE", "herd"},
                       {"PATRONI_POSTGRESQL_DATA_DIR", "/data"},
                       {"PATRONI_SUPERUSER_PASSWORD", "s"},
                       {"PATRONI_REPLICATION_USERNAME", "rep"},
                       {"PATRONI_REPLICATION_PASSWORD", "r"},
                       {"PATRONI_REWIND_PASSWORD", "w"},
                       {"PATRONI_ETCD3_HOSTS", "e1:2379,e2:2379"}};
  const CheckedConfig made = checked();
  EXPECT_TRUE(made.loaded.warnings.empty()) << made.loaded.warnings.front();
  EXPECT_EQ(made.loaded.config.etcd.endpoints, (std::vector<std::string>{"e1:2379", "e2:2379"}));
  EXPECT_EQ(made.loaded.config.postgresql.pg_hba.back(), "host replication rep all scram-sha-256");
}

TEST_F(Generator, ARunningServerOfDebianKeepsItsPlaces) {
  facts.server = debians();
  const CheckedConfig made = checked();
  const AgentConfig& config = made.loaded.config;
  EXPECT_EQ(config.scope, "17-main");
  const PostgresConfig& postgresql = config.postgresql;
  EXPECT_EQ(postgresql.data_dir, "/var/lib/postgresql/17/main");
  EXPECT_EQ(postgresql.config_dir, "/etc/postgresql/17/main");
  EXPECT_EQ(postgresql.bin_dir, "/usr/lib/postgresql/17/bin");
  EXPECT_EQ(postgresql.listen, (ListenAddress{.host = "localhost", .port = 5433}));
  EXPECT_EQ(postgresql.connect_address, "10.0.0.7:5433");
  EXPECT_EQ(postgresql.pg_hba, std::vector<std::string>{"local all postgres peer"});
  EXPECT_EQ(postgresql.superuser.options.at("sslmode"), "require");
  // A command is not for all members.
  EXPECT_EQ(postgresql.parameters,
            (std::map<std::string, std::string>{{"archive_command", "cp %p /a/%f"}}));
  EXPECT_NE(config.bootstrap->dcs_json.find("\"max_connections\":\"150\""), std::string::npos);
}

TEST_F(Generator, FilesElsewhereAreNamedAndNotCopied) {
  facts.server = debians();
  facts.server->config_file = "/var/lib/postgresql/17/main/mine.conf";
  facts.server->hba_file = "/secure/pg_hba.conf";
  facts.server->ident_file = "/var/lib/postgresql/17/main/pg_ident.conf";
  facts.server->ident_lines = {"m u p"};
  const PostgresConfig postgresql = checked().loaded.config.postgresql;
  EXPECT_EQ(postgresql.config_dir, "");
  EXPECT_EQ(postgresql.config_base_name, "mine");
  EXPECT_EQ(postgresql.parameters.at("hba_file"), "/secure/pg_hba.conf");
  EXPECT_TRUE(postgresql.pg_hba.empty());
  EXPECT_EQ(postgresql.pg_ident, std::vector<std::string>{"m u p"});
}

TEST_F(Generator, AnIpv6AddressHasItsBrackets) {
  facts.address = "fd00::7";
  EXPECT_EQ(checked().loaded.config.restapi.listen,
            (ListenAddress{.host = "fd00::7", .port = 8008}));
}

}  // namespace
}  // namespace pgherd
