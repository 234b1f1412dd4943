#include "postgres/local/server_settings.h"
#include "postgres/local/process_wait.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "postgres/local/config_files.h"
#include "postgres/local/monitor.h"
#include "postgres/local/overridden_settings.h"
#include "postgres/local_machine.h"

namespace pgherd {
namespace {

PostgresConfig a_config() {
  PostgresConfig config;
  config.listen = {.host = "10.0.0.1,127.0.0.1", .port = 5433};
  config.data_dir = "/data";
  config.pgpass = "/home/p/pgpass";
  config.superuser = {.username = "postgres", .password = "s"};
  config.replication = {.username = "rep", .password = "r:\\"};
  return config;
}
const Upstream kUpstream{.name = "pg1", .host = "10.0.0.2", .port = "5432", .slot = "pg0"};

Row written(const std::string& name, const std::string& value, const std::string& file) {
  return {name, value, file, "7"};
}

TEST(OverriddenSettings, AreToldWithTheirPlaceAndWhereTheyCount) {
  const ParameterMap wanted = server_parameters(a_config(), "herd", nullptr);
  const Rows rows{written("max_connections", "200", "/cfg/base.conf"),
                  written("work_mem", "5MB", "/cfg/base.conf"),
                  written("port", "5999", "/cfg/primary.conf")};
  EXPECT_EQ(
      overridden_settings(rows, wanted, a_config()),
      (std::vector<std::string>{
          "/cfg/base.conf:7: max_connections = '200' has no effect, the agent sets '100': all "
          "members must have the same; set it in the dynamic configuration instead: "
          "edit-config -p max_connections=200",
          "/cfg/primary.conf:7: port = '5999' has no effect, the agent sets '5433': set "
          "postgresql.listen of the agent's configuration instead"}));
}

TEST(OverriddenSettings, TheSameInOtherWordsIsNoContradiction) {
  PostgresConfig config = a_config();
  config.listen.host = "0.0.0.0";
  config.parameters["wal_keep_size"] = "1GB";
  const ParameterMap wanted = server_parameters(config, "herd", nullptr);
  const Rows rows{
      written("wal_log_hints", "true", "/f"),    written("max_connections", "0x64", "/f"),
      written("wal_keep_size", "1024MB", "/f"),  written("listen_addresses", "*", "/f"),
      written("wal_level", "hot_standby", "/f"), written("hot_standby", "yes", "/f")};
  EXPECT_EQ(overridden_settings(rows, wanted, config), std::vector<std::string>{});
}

TEST(OverriddenSettings, WhatInitdbWroteIsNobodysWish) {
  PostgresConfig config = a_config();
  config.parameters["max_connections"] = "300";
  const ParameterMap wanted = server_parameters(config, "herd", nullptr);
  const Rows by_initdb{written("max_connections", "100", "/data/postgresql.base.conf")};
  const Rows by_somebody{written("max_connections", "150", "/data/postgresql.base.conf")};
  EXPECT_TRUE(overridden_settings(by_initdb, wanted, config).empty());
  EXPECT_EQ(overridden_settings(by_somebody, wanted, config).size(), 1U);
  config.custom_conf = "/cfg/postgresql.base.conf";
  EXPECT_EQ(
      overridden_settings({written("max_connections", "100", config.custom_conf)}, wanted, config)
          .size(),
      1U);
}

TEST(ServerParameters, AreCompleteWithoutAnyConfiguration) {
  const ParameterMap made = server_parameters(a_config(), "herd", nullptr);
  EXPECT_EQ(made.at("listen_addresses"), "10.0.0.1,127.0.0.1");
  EXPECT_EQ(made.at("port"), "5433");
  EXPECT_EQ(made.at("cluster_name"), "herd");
  EXPECT_EQ(made.at("wal_level"), "replica");
  EXPECT_EQ(made.at("wal_log_hints"), "on");
  EXPECT_EQ(made.at("hba_file"), "/data/pg_hba.conf");
}

TEST(ServerParameters, ARelativeFileLiesInTheConfigurationDirectory) {
  PostgresConfig config = a_config();
  config.config_dir = "/etc/pg";
  config.parameters = {{"hba_file", "pg_hba.conf"}, {"ident_file", "maps/../own_ident"}};
  const ParameterMap made = server_parameters(config, "herd", nullptr);
  EXPECT_EQ(made.at("hba_file"), "/etc/pg/pg_hba.conf");
  EXPECT_EQ(made.at("ident_file"), "/etc/pg/own_ident");
}

TEST(ServerParameters, NobodyTakesListenPortOrClusterNameAway) {
  PostgresConfig config = a_config();
  config.parameters = {
      {"port", "1"}, {"cluster_name", "x"}, {"wal_level", "minimal"}, {"hot_standby", "off"}};
  const ParameterMap made = server_parameters(config, "herd", nullptr);
  EXPECT_EQ(made.at("port"), "5433");
  EXPECT_EQ(made.at("cluster_name"), "herd");
  EXPECT_EQ(made.at("wal_level"), "replica");
  EXPECT_EQ(made.at("hot_standby"), "on");
}

TEST(ServerParameters, OfAStandbyAreRaisedToWhatItsDataDemand) {
  PostgresConfig config = a_config();
  config.parameters = {{"max_connections", "50"}, {"max_worker_processes", "20"}};
  PgControl floor;
  floor.max_connections = 200;
  floor.max_worker_processes = 8;
  const ParameterMap made = server_parameters(config, "herd", &floor);
  EXPECT_EQ(made.at("max_connections"), "200");
  EXPECT_EQ(made.at("max_worker_processes"), "20");
}

TEST(ServerParameters, MayDifferByTheRole) {
  PostgresConfig config = a_config();
  config.parameters = {{"work_mem", "8MB"}};
  config.pg_hba = {"local all all peer"};
  config.by_role[ServerRole::Replica] = {.custom_conf = "/cfg/replica.conf",
                                         .parameters = {{"work_mem", "1MB"}},
                                         .pg_hba = {"local all all scram-sha-256"},
                                         .pg_ident = {}};
  const PostgresConfig replica = config_in_role(config, role_with(kUpstream));
  EXPECT_EQ(server_parameters(replica, "herd", nullptr).at("work_mem"), "1MB");
  EXPECT_EQ(replica.role_conf, "/cfg/replica.conf");
  EXPECT_EQ(replica.pg_hba, std::vector<std::string>{"local all all scram-sha-256"});
  const PostgresConfig primary = config_in_role(config, role_with(std::nullopt));
  EXPECT_EQ(server_parameters(primary, "herd", nullptr).at("work_mem"), "8MB");
  EXPECT_EQ(primary.role_conf, "");
  Upstream remote = kUpstream;
  remote.is_remote = true;
  EXPECT_EQ(role_with(remote), ServerRole::StandbyLeader);
}

TEST(ServerParameters, OnlyControlledOnesStandOnTheCommandLine) {
  PostgresConfig config = a_config();
  config.parameters = {{"work_mem", "8MB"}};
  const auto arguments = command_line_arguments(server_parameters(config, "herd", nullptr));
  EXPECT_NE(std::find(arguments.begin(), arguments.end(), "--max_connections=100"),
            arguments.end());
  EXPECT_EQ(std::find(arguments.begin(), arguments.end(), "--work_mem=8MB"), arguments.end());
}

TEST(RecoveryParameters, PointAtTheUpstreamThroughThePassfile) {
  const ParameterMap made = recovery_parameters(a_config(), "pg0", kUpstream, 17);
  EXPECT_EQ(
      made.at("primary_conninfo"),
      "dbname=postgres user=rep passfile=/home/p/pgpass host=10.0.0.2 port=5432 sslmode=prefer "
      "gssencmode=prefer channel_binding=prefer sslnegotiation=postgres application_name=pg0");
  EXPECT_EQ(made.at("primary_slot_name"), "pg0");
  EXPECT_EQ(made.at("recovery_target_timeline"), "latest");
  EXPECT_EQ(made.at("recovery_target_lsn"), "");
}

TEST(RecoveryParameters, LeaveOutWhatTheVersionDoesNotKnow) {
  const ParameterMap made = recovery_parameters(a_config(), "pg0", kUpstream, 15);
  EXPECT_EQ(made.at("primary_conninfo").find("sslnegotiation"), std::string::npos);
}

TEST(RecoveryParameters, WithoutAnUpstreamFollowNobody) {
  const ParameterMap made = recovery_parameters(a_config(), "pg0", Upstream{}, 17);
  EXPECT_FALSE(made.contains("primary_conninfo"));
  EXPECT_FALSE(made.contains("primary_slot_name"));
}

TEST(RecoveryParameters, TakeTheUsersRestoreCommandButNotATarget) {
  PostgresConfig config = a_config();
  config.recovery_conf = {{"restore_command", "cp /a/%f %p"},
                          {"recovery_target_time", "2020-01-01"}};
  const ParameterMap made = recovery_parameters(config, "pg0", kUpstream, 17);
  EXPECT_EQ(made.at("restore_command"), "cp /a/%f %p");
  EXPECT_EQ(made.at("recovery_target_time"), "");
}

TEST(RecoveryParameters, OfOlderVersionsAreLeftOutOrHaveTheirNewName) {
  PostgresConfig config = a_config();
  config.recovery_conf = {{"Trigger_File", "/tmp/x"},
                          {"standby_mode", "on"},
                          {"pause_at_recovery_target", "false"},
                          {"Archive_Cleanup_Command", "clean %r"}};
  const ParameterMap made = recovery_parameters(config, "pg0", kUpstream, 17);
  for (const char* name :
       {"trigger_file", "promote_trigger_file", "standby_mode", "pause_at_recovery_target"})
    EXPECT_FALSE(made.contains(name)) << name;
  EXPECT_EQ(made.at("archive_cleanup_command"), "clean %r");
  EXPECT_EQ(recovery_conf_of(config, 17).left_out, (ParameterMap{{"trigger_file", "/tmp/x"}}));
  const ParameterMap older = recovery_parameters(config, "pg0", kUpstream, 15);
  EXPECT_EQ(older.at("promote_trigger_file"), "/tmp/x");
  EXPECT_TRUE(recovery_conf_of(config, 15).left_out.empty());
  config.parameters = {{"promote_trigger_file", "/tmp/y"}};
  EXPECT_EQ(recovery_conf_of(config, 16).left_out,
            (ParameterMap{{"promote_trigger_file", "/tmp/y"}}));
  EXPECT_EQ(recovery_conf_of(config, 16).key, "postgresql.parameters");
}

TEST(RecoveryParameters, OfALoginWithoutAPasswordLeaveLibpqsOwnPassfileInForce) {
  PostgresConfig config = a_config();
  config.replication.password = "";
  const ParameterMap made = recovery_parameters(config, "pg0", kUpstream, 17);
  EXPECT_EQ(made.at("primary_conninfo").find("passfile"), std::string::npos);
  EXPECT_EQ(tool_conninfo(config, config.replication, kUpstream, "").find("passfile"), nullptr);
  EXPECT_NE(tool_conninfo(config, config.superuser, kUpstream, "").find("passfile"), nullptr);
}

TEST(PostgresqlConf, GivesBackTheRecoverySectionThatWasWritten) {
  const ParameterMap recovery = recovery_parameters(a_config(), "it's", kUpstream, 17);
  const std::string text =
      render_postgresql_conf({"postgresql.base.conf"}, {{"work_mem", "8MB"}}, recovery);
  EXPECT_NE(text.find("include 'postgresql.base.conf'\n"), std::string::npos);
  EXPECT_NE(text.find("work_mem = '8MB'\n"), std::string::npos);
  EXPECT_EQ(recovery_section_of(text), recovery);
}

TEST(PostgresqlConf, LetsEverybodyOverrideADefaultOfOurs) {
  const ParameterMap defaults = better_defaults(17, true);
  EXPECT_EQ(defaults, (ParameterMap{{"recovery_init_sync_method", "syncfs"}}));
  EXPECT_TRUE(better_defaults(13, true).empty()) << "13 does not know it and would not start";
  EXPECT_TRUE(better_defaults(17, false).empty());
  const std::string text = render_postgresql_conf({"postgresql.base.conf"}, {}, {}, {}, defaults);
  const auto ours = text.find("recovery_init_sync_method = 'syncfs'\n");
  ASSERT_NE(ours, std::string::npos);
  EXPECT_LT(ours, text.find("include 'postgresql.base.conf'\n"));
}

TEST(Upstream, IsReadFromConninfoWhateverElseItSays) {
  const UpstreamView plain = upstream_of(
      "user=r passfile='/a b/it\\'s' host = 10.0.0.2 port=5433 some_future_keyword=1", "pg0");
  EXPECT_EQ(plain.host, "10.0.0.2");
  EXPECT_EQ(plain.port, "5433");
  EXPECT_EQ(plain.slot, "pg0");
  EXPECT_EQ(upstream_of("postgresql://r@10.0.0.3:5434/x", "").port, "5434");
  EXPECT_EQ(upstream_of("", "pg0").host, "");
}

TEST(PostgresqlConf, MarksTheSyncNamesThatAreNotTheOperators) {
  const ParameterMap parameters{{"synchronous_standby_names", "barman"}, {"work_mem", "4MB"}};
  const std::string own = render_postgresql_conf({"base"}, parameters, {});
  EXPECT_EQ(managed_sync_names_of(own, "barman"), std::nullopt);
  EXPECT_EQ(managed_sync_names_of(own, "another"), std::nullopt) << "the configuration has changed";
  const std::string managed = render_postgresql_conf({"base"}, parameters, {}, "ANY 1 (\"it's\")");
  EXPECT_EQ(managed_sync_names_of(managed, "barman"), "ANY 1 (\"it's\")");
  EXPECT_EQ(managed.find("barman"), std::string::npos);
  EXPECT_EQ(managed_sync_names_of(render_postgresql_conf({"base"}, parameters, {}, ""), "barman"),
            "");
  const std::string patronis =
      "# Do not edit this file manually!\n# It will be overwritten by Patroni!\n"
      "synchronous_standby_names = '\"b\"'\n";
  EXPECT_EQ(managed_sync_names_of(patronis, ""), "\"b\"");
  EXPECT_EQ(managed_sync_names_of(patronis, "\"b\""), std::nullopt);
  EXPECT_EQ(managed_sync_names_of("synchronous_standby_names = 'x'\n", ""), std::nullopt);
}

TEST(ProcessWait, IsReadFromProc) {
  const auto text = [](const char* pending) {
    return "Name:\tpostgres\nState:\tS (sleeping)\nSigPnd:\t0000000000000000\nShdPnd:\t" +
           std::string(pending) +
           "\nvoluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t3\n";
  };
  EXPECT_EQ(
      parse_process_wait(text("0000000000000001")),
      (ProcessWait{.state = 'S', .has_hangup_pending = true, .sleeps = 17, .interruptions = 3}));
  EXPECT_FALSE(parse_process_wait(text("0000000000000002"))->has_hangup_pending);
  EXPECT_EQ(parse_process_wait("Name:\tpostgres\n"), std::nullopt);
  EXPECT_TRUE(look_at_process(::getpid()));
}

TEST(PostgresqlAutoConf, LosesRecoveryParametersOnly) {
  EXPECT_EQ(without_recovery_parameters("# Do not edit\nwork_mem = '1MB'\nprimary_conninfo = 'x'\n"
                                        "  Restore_Command='y'\n"),
            "# Do not edit\nwork_mem = '1MB'\n");
}

TEST(Pgpass, HoldsAllWhoGoToTheUpstream) {
  EXPECT_EQ(pgpass_text(a_config(), kUpstream),
            "10.0.0.2:5432:*:rep:r\\:\\\\\n10.0.0.2:5432:*:postgres:s\n");
}

TEST(LocalConninfo, UsesLoopbackWhenTheServerListensThere) {
  EXPECT_EQ(*local_conninfo(a_config(), LocalLogin::Superuser, "").find("host"), "localhost");
  PostgresConfig config = a_config();
  config.listen.host = "10.0.0.1";
  EXPECT_EQ(*local_conninfo(config, LocalLogin::Superuser, "").find("host"), "10.0.0.1");
  config.use_unix_socket = true;
  EXPECT_EQ(*local_conninfo(config, LocalLogin::Superuser, "/run/pg").find("host"), "/run/pg");
}

// ---- on disk

class ConfigFilesOnDisk : public testing::Test {
 protected:
  ConfigFilesOnDisk() {
    config.data_dir = root.path() + "/data";
    std::filesystem::create_directories(config.data_dir);
    ::chmod(config.data_dir.c_str(), 0700);
    config.pgpass = root.path() + "/pgpass";
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(config.data_dir + "/" + name) << text;
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(config.data_dir + "/" + name).rdbuf();
    return text.str();
  }
  void write() {
    const auto done = write_server_files(config, server_parameters(config, "herd", nullptr), {});
    ASSERT_TRUE(done) << done.error().text;
  }
  test::TemporaryDirectory root;
  PostgresConfig config = a_config();
};

TEST_F(ConfigFilesOnDisk, TheOriginalGoesOnHoldingBelowOurs) {
  put("postgresql.conf", "shared_buffers = 1GB\n");
  write();
  EXPECT_EQ(get("postgresql.base.conf"), "shared_buffers = 1GB\n");
  EXPECT_TRUE(is_generated_conf(get("postgresql.conf")));
  write();
  EXPECT_EQ(get("postgresql.base.conf"), "shared_buffers = 1GB\n");
}

TEST_F(ConfigFilesOnDisk, APatroniClusterIsAdoptedWithoutLosingItsBase) {
  put("postgresql.base.conf", "work_mem = 3MB\n");
  put("postgresql.conf",
      "# Do not edit this file manually!\n# It will be overwritten by Patroni!\n"
      "include 'postgresql.base.conf'\n\nmax_connections = '100'\n");
  put("pg_hba.conf", "local all all trust\n");
  write();
  EXPECT_EQ(get("postgresql.base.conf"), "work_mem = 3MB\n");
  EXPECT_EQ(get("pg_hba.conf"), "local all all trust\n");
}

TEST_F(ConfigFilesOnDisk, HbaLinesReplaceTheFileUnlessItIsElsewhere) {
  put("pg_hba.conf", "local all all trust\n");
  config.pg_hba = {"host all all 10.0.0.0/8 scram-sha-256"};
  write();
  EXPECT_NE(get("pg_hba.conf").find("host all all 10.0.0.0/8"), std::string::npos);
  put("pg_hba.conf", "mine\n");
  config.parameters["hba_file"] = "/etc/hba";
  write();
  EXPECT_EQ(get("pg_hba.conf"), "mine\n");
}

TEST_F(ConfigFilesOnDisk, HbaLinesGoIntoTheirOwnFileHoweverItsPathIsWritten) {
  for (const std::string& path : {std::string("pg_hba.conf"), std::string("./pg_hba.conf"),
                                  config.data_dir + "/./pg_hba.conf"}) {
    put("pg_hba.conf", "");
    config.pg_hba = {"local all all peer"};
    config.parameters["hba_file"] = path;
    write();
    EXPECT_NE(get("pg_hba.conf").find("local all all peer"), std::string::npos) << path;
  }
}

TEST_F(ConfigFilesOnDisk, HbaLinesOfABootstrapStandBehindWhatIsThereOnce) {
  put("pg_hba.conf", "local all all trust\n");
  config.config_dir = root.path() + "/etc";
  std::filesystem::create_directories(config.config_dir);
  for (int time = 0; time < 2; ++time)
    ASSERT_TRUE(append_hba_lines(config, {"host all app samenet scram-sha-256"}));
  EXPECT_EQ(get("../etc/pg_hba.conf"),
            "local all all trust\n\nhost all app samenet scram-sha-256\n");
  EXPECT_EQ(get("pg_hba.conf"), "local all all trust\n");
  config.parameters["hba_file"] = "/elsewhere/hba";
  ASSERT_TRUE(append_hba_lines(config, {"of nobody"}));
  EXPECT_EQ(get("../etc/pg_hba.conf").find("of nobody"), std::string::npos);
}

TEST_F(ConfigFilesOnDisk, StandbySignalComesAndGoes) {
  put("recovery.signal", "");
  ASSERT_TRUE(set_standby_signal(config.data_dir, true));
  EXPECT_TRUE(std::filesystem::exists(config.data_dir + "/standby.signal"));
  EXPECT_FALSE(std::filesystem::exists(config.data_dir + "/recovery.signal"));
  ASSERT_TRUE(set_standby_signal(config.data_dir, false));
  EXPECT_FALSE(std::filesystem::exists(config.data_dir + "/standby.signal"));
}

TEST_F(ConfigFilesOnDisk, ThePassfileIsForItsOwnerOnly) {
  ASSERT_TRUE(write_pgpass(config, kUpstream));
  struct stat facts{};
  ASSERT_EQ(::stat(config.pgpass.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(ConfigFilesOnDisk, FilesOfTheOperatorsAreWrittenBehindTheirLinks) {
  namespace fs = std::filesystem;
  std::ofstream(root.path() + "/hba") << "before\n";
  fs::create_symlink(root.path() + "/hba", config.data_dir + "/pg_hba.conf");
  std::ofstream(root.path() + "/passwords") << "before\n";
  fs::create_symlink("passwords", config.pgpass);
  config.pg_hba = {"local all all peer"};
  write();
  ASSERT_TRUE(write_pgpass(config, kUpstream));
  EXPECT_TRUE(fs::is_symlink(config.data_dir + "/pg_hba.conf"));
  EXPECT_NE(get("../hba").find("local all all peer"), std::string::npos);
  EXPECT_TRUE(fs::is_symlink(config.pgpass));
  EXPECT_EQ(get("../passwords"), pgpass_text(config, kUpstream));
}

TEST_F(ConfigFilesOnDisk, APassfileThatIsADirectoryIsRefusedInWords) {
  std::filesystem::create_directories(config.pgpass);
  const auto done = write_pgpass(config, kUpstream);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find("postgresql.pgpass"), std::string::npos);
}

TEST_F(ConfigFilesOnDisk, WithoutAPlaceForThePassfileTheKeyIsNamed) {
  config.pgpass = "";
  const auto homeless = write_pgpass(config, kUpstream);
  ASSERT_FALSE(homeless);
  EXPECT_NE(homeless.error().text.find("set postgresql.pgpass"), std::string::npos);
  config.pgpass = "/proc/nobody/pgpass";  // not even for root
  const auto closed = write_pgpass(config, kUpstream);
  ASSERT_FALSE(closed);
  EXPECT_NE(closed.error().text.find("/proc/nobody/pgpass"), std::string::npos);
  EXPECT_NE(closed.error().text.find("set postgresql.pgpass"), std::string::npos);
}

TEST_F(ConfigFilesOnDisk, WithoutPasswordsThePassfileIsLeftAlone) {
  config.superuser.password = config.replication.password = "";
  std::ofstream(config.pgpass) << "*:*:*:*:mine\n";
  ASSERT_TRUE(write_pgpass(config, kUpstream));
  std::ostringstream text;
  text << std::ifstream(config.pgpass).rdbuf();
  EXPECT_EQ(text.str(), "*:*:*:*:mine\n");
  config.pgpass = "/proc/nobody/pgpass";
  EXPECT_TRUE(write_pgpass(config, kUpstream));
}

TEST_F(ConfigFilesOnDisk, CopiesBringBackWhatABaseBackupLeftOut) {
  put("postgresql.base.conf", "work_mem = 3MB\n");
  write();
  keep_config_copies(config);
  std::filesystem::remove(config.data_dir + "/postgresql.base.conf");
  restore_config_copies(config);
  EXPECT_EQ(get("postgresql.base.conf"), "work_mem = 3MB\n");
}

}  // namespace
}  // namespace pgherd
