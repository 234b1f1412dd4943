#include "codec/postgres_settings.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

using Parameters = std::map<std::string, std::string>;

const Parameters kDefaults = {
    {"hot_standby", "on"},
    {"max_connections", "100"},
    {"max_locks_per_transaction", "64"},
    {"max_prepared_transactions", "0"},
    {"max_replication_slots", "10"},
    {"max_wal_senders", "10"},
    {"max_worker_processes", "8"},
    {"track_commit_timestamp", "off"},
    {"wal_keep_size", "128MB"},
    {"wal_level", "replica"},
    {"wal_log_hints", "on"},
};

TEST(ControlledParameters, HaveDefaultsWhenNobodySaysAnything) {
  EXPECT_EQ(merge_dynamic({}, "{}").parameters, kDefaults);
  EXPECT_EQ(merge_dynamic({}, "no json").parameters, kDefaults);
}

TEST(ControlledParameters, ComeFromTheDynamicConfigurationOnly) {
  PostgresConfig local;
  local.parameters = {{"max_connections", "7"}, {"Wal_Level", "logical"}};
  Parameters expected = kDefaults;
  expected["max_connections"] = "200";
  EXPECT_EQ(
      merge_dynamic(local, R"({"postgresql":{"parameters":{"Max_Connections":"200"}}})").parameters,
      expected);
}

TEST(ServerPrograms, AndFilesAndTheServiceMayHaveOtherNames) {
  PostgresConfig local;
  local.rewind = Credentials{.username = "r"};
  const std::string dynamic =
      R"({"postgresql":{"bin_name":{"initdb":"i","pg_rewind":"pg_rewind","psql":"p"},)"
      R"("config_base_name":"mine","krbsrvname":"pg","rewind":["no-sync",{"sync-method":"fsync"}]}})";
  const PostgresConfig merged = merge_dynamic(local, dynamic);
  EXPECT_EQ(merged.bin_names, (Parameters{{"initdb", "i"}}));
  EXPECT_EQ(merged.config_base_name, "mine");
  EXPECT_EQ(merged.rewind_options, (OptionList{{"no-sync", ""}, {"sync-method", "fsync"}}));
  for (const Credentials* who : {&merged.superuser, &merged.replication, &*merged.rewind})
    EXPECT_EQ(who->options.at("krbsrvname"), "pg");

  local.bin_names = {{"initdb", "j"}};
  local.config_base_name = "ours";
  local.krbsrvname = "local";
  local.rewind_options = {{"debug", ""}};
  const PostgresConfig kept = merge_dynamic(local, dynamic);
  EXPECT_EQ(kept.bin_names, local.bin_names);
  EXPECT_EQ(kept.config_base_name, "ours");
  EXPECT_EQ(kept.superuser.options.at("krbsrvname"), "local");
  EXPECT_EQ(kept.rewind_options, local.rewind_options);

  std::vector<std::string> warnings;
  EXPECT_EQ(
      merge_dynamic({}, R"({"postgresql":{"config_base_name":"a/b"}})", &warnings).config_base_name,
      "postgresql");
  EXPECT_EQ(warnings.size(), 1U);
}

TEST(ControlledParameters, ThatWouldNotDoBecomeTheirDefaultsAndAreSaid) {
  std::vector<std::string> warnings;
  const PostgresConfig merged = merge_dynamic(
      {},
      R"({"postgresql":{"parameters":{"max_connections":5,"wal_level":"minimal","hot_standby":"off",)"
      R"("max_wal_senders":"many","wal_keep_size":"1MB","wal_log_hints":"perhaps"}}})",
      &warnings);
  EXPECT_EQ(merged.parameters, kDefaults);
  ASSERT_EQ(warnings.size(), 6U);
  EXPECT_EQ(warnings[1],
            "dynamic configuration: postgresql.parameters.max_connections is \"5\"; allowed is a "
            "whole number, at least 25; 100 is used");
}

TEST(ControlledParameters, AreBroughtIntoTheSpellingOfToday) {
  Parameters expected = kDefaults;
  expected["wal_level"] = "replica";
  expected["wal_keep_size"] = "160MB";
  expected["wal_log_hints"] = "off";
  expected["track_commit_timestamp"] = "on";
  EXPECT_EQ(merge_dynamic({}, R"({"postgresql":{"parameters":{"wal_level":"hot_standby",)"
                              R"("wal_keep_segments":10,"wal_log_hints":false,)"
                              R"("track_commit_timestamp":"yes"}}})")
                .parameters,
            expected);
  // The new name wins.
  EXPECT_EQ(merge_dynamic({}, R"({"postgresql":{"parameters":{"wal_keep_segments":10,)"
                              R"("wal_keep_size":"1GB"}}})")
                .parameters.at("wal_keep_size"),
            "1GB");
}

TEST(ControlledParameters, AreKnownByNameInAnyCase) {
  for (const char* name : {"wal_level", "MAX_CONNECTIONS", "port", "listen_addresses",
                           "cluster_name", "wal_keep_size", "wal_keep_segments"}) {
    EXPECT_TRUE(is_controlled_parameter(name)) << name;
  }
  EXPECT_FALSE(is_controlled_parameter("shared_buffers"));
  EXPECT_FALSE(is_controlled_parameter("synchronous_standby_names"));
  EXPECT_TRUE(is_command_line_parameter("wal_level"));
  EXPECT_FALSE(is_command_line_parameter("wal_keep_size"));
  EXPECT_FALSE(is_command_line_parameter("shared_buffers"));
}

TEST(Merge, ListenIsTheAgentsToDecide) {
  PostgresConfig local;
  local.listen = {.host = "127.0.0.1,10.0.0.1", .port = 5433};
  const PostgresConfig merged = merge_dynamic(
      local, R"({"postgresql":{"listen":"x:1","parameters":{"port":1,"listen_addresses":"*"}}})");
  EXPECT_EQ(merged.parameters.at("port"), "5433");
  EXPECT_EQ(merged.parameters.at("listen_addresses"), "127.0.0.1,10.0.0.1");
  EXPECT_EQ(merged.listen, local.listen);
}

TEST(Merge, ParametersMeetNameByNameAndLocalOnesWin) {
  PostgresConfig local;
  local.parameters = {{"shared_buffers", "1GB"}, {"log_statement", "all"}};
  const Parameters merged =
      merge_dynamic(local, R"({"postgresql":{"parameters":{"Shared_Buffers":"128MB","ssl":true,)"
                           R"("work_mem":4096,"random_page_cost":1.1,"gone":null,"odd":[1]}}})")
          .parameters;
  EXPECT_EQ(merged.at("shared_buffers"), "1GB");
  EXPECT_EQ(merged.at("log_statement"), "all");
  EXPECT_EQ(merged.at("ssl"), "on");
  EXPECT_EQ(merged.at("work_mem"), "4096");
  EXPECT_EQ(merged.at("random_page_cost"), "1.1");
  EXPECT_FALSE(merged.contains("gone"));
  EXPECT_FALSE(merged.contains("odd"));
}

constexpr const char* kDynamic =
    R"({"postgresql":{"pg_hba":["local all all peer"],"pg_ident":["m a b"],"bin_dir":"/dyn",)"
    R"("use_unix_socket":true,"recovery_conf":{"restore_command":"cp"},"pg_ctl_timeout":"90",)"
    R"("basebackup":[{"checkpoint":"fast"},"verbose",{"no-sync":true}],"custom_conf":"/c",)"
    R"("data_dir":"/evil","connect_address":"evil:1","authentication":{"superuser":{}}}})";

TEST(Merge, TakesFromTheDynamicConfigurationWhatIsNotSetLocally) {
  PostgresConfig local;
  local.data_dir = "/data";
  const PostgresConfig merged = merge_dynamic(local, kDynamic);
  EXPECT_EQ(merged.pg_hba, std::vector<std::string>{"local all all peer"});
  EXPECT_EQ(merged.pg_ident, std::vector<std::string>{"m a b"});
  EXPECT_EQ(merged.bin_dir, "/dyn");
  EXPECT_TRUE(merged.use_unix_socket);
  EXPECT_EQ(merged.recovery_conf, (Parameters{{"restore_command", "cp"}}));
  EXPECT_EQ(merged.pg_ctl_timeout, Milliseconds(90s));
  EXPECT_EQ(merged.basebackup,
            (OptionList{{"checkpoint", "fast"}, {"verbose", ""}, {"no-sync", ""}}));
  EXPECT_EQ(merged.custom_conf, "/c");
  EXPECT_EQ(merged.data_dir, "/data");
  EXPECT_EQ(merged.connect_address, "");
}

TEST(Merge, LeavesOutOptionsThatAMapHasWithoutAValue) {
  const PostgresConfig merged = merge_dynamic(
      {}, R"({"postgresql":{"basebackup":{"max-rate":"","waldir":null,"label":"'a b'"}}})");
  EXPECT_EQ(merged.basebackup, (OptionList{{"label", "a b"}}));
}

TEST(Merge, TakesWhatHoldsInOneRoleOnlyFromBoth) {
  PostgresConfig local;
  local.by_role[ServerRole::Primary] = {.custom_conf = "/mine",
                                        .parameters = {{"work_mem", "1MB"}}};
  const PostgresConfig merged = merge_dynamic(
      local,
      R"({"postgresql":{"custom_conf_primary":"/theirs","parameters_primary":{"work_mem":"9MB",)"
      R"("archive_command":"x"},"pg_hba_replica":["local all all peer"]}})");
  EXPECT_EQ(merged.by_role.at(ServerRole::Primary),
            (RoleConfig{.custom_conf = "/mine",
                        .parameters = {{"archive_command", "x"}, {"work_mem", "1MB"}},
                        .pg_hba = {},
                        .pg_ident = {}}));
  EXPECT_EQ(merged.by_role.at(ServerRole::Replica).pg_hba,
            std::vector<std::string>{"local all all peer"});
}

TEST(Merge, TurnsFeedbackOnWhereStandbysKeepLogicalSlots) {
  PostgresConfig local;
  local.parameters["hot_standby_feedback"] = "off";
  local.by_role[ServerRole::Replica].parameters["hot_standby_feedback"] = "off";
  const std::string slots =
      R"("slots": {"cdc": {"type": "logical", "database": "shop", "plugin": "pgoutput"}})";
  const PostgresConfig merged = merge_dynamic(local, "{" + slots + "}");
  EXPECT_EQ(merged.parameters.at("hot_standby_feedback"), "on");
  EXPECT_FALSE(merged.by_role.at(ServerRole::Replica).parameters.contains("hot_standby_feedback"));
  const auto feedback_with = [&](const std::string& config) {
    return merge_dynamic(local, config).parameters.at("hot_standby_feedback");
  };
  EXPECT_EQ(feedback_with(R"({"slots": {"backup": {"type": "physical"}}})"), "off");
  EXPECT_EQ(feedback_with("{" + slots + R"(, "standby_cluster": {"host": "h", "port": 5432}})"),
            "off");
}

TEST(Merge, LeavesWhatIsSetLocallyEvenIfItSaysTheDefault) {
  PostgresConfig local;
  local.set_locally = {"use_unix_socket", "pg_ctl_timeout", "pg_hba", "recovery_conf",
                       "basebackup"};
  local.pg_hba = {"local all all trust"};
  local.bin_dir = "/mine";
  const PostgresConfig merged = merge_dynamic(local, kDynamic);
  EXPECT_FALSE(merged.use_unix_socket);
  EXPECT_EQ(merged.pg_ctl_timeout, Milliseconds(60s));
  EXPECT_EQ(merged.pg_hba, local.pg_hba);
  EXPECT_EQ(merged.bin_dir, "/mine");
  EXPECT_TRUE(merged.recovery_conf.empty());
  EXPECT_TRUE(merged.basebackup.empty());
}

TEST(Merge, OfAMergedConfigurationChangesNothing) {
  PostgresConfig local;
  local.listen = {.host = "a", .port = 1};
  const PostgresConfig once = merge_dynamic(local, kDynamic);
  EXPECT_EQ(merge_dynamic(once, kDynamic), once);
}

TEST(Merge, TakesCommandsOfTheOperatorsScripts) {
  constexpr const char* kScripts =
      R"({"postgresql":{"callbacks":{"on_start":"/bin/tell 'a b'","on_stop":null},)"
      R"("pre_promote":"fence","before_stop":"drain --now"}})";
  const PostgresConfig merged = merge_dynamic({}, kScripts);
  const std::map<CallbackAction, CommandWords> expected = {
      {CallbackAction::OnStart, {"/bin/tell", "a b"}}};
  EXPECT_EQ(merged.callbacks, expected);
  EXPECT_EQ(merged.pre_promote, CommandWords{"fence"});
  EXPECT_EQ(merged.before_stop, (CommandWords{"drain", "--now"}));
  // The local map takes the place of the whole.
  PostgresConfig local;
  local.callbacks[CallbackAction::OnReload] = {"x"};
  local.set_locally = {"pre_promote"};
  EXPECT_EQ(merge_dynamic(local, kScripts).callbacks, local.callbacks);
  EXPECT_TRUE(merge_dynamic(local, kScripts).pre_promote.empty());
}

TEST(Merge, SaysWhichCommandsItCannotUse) {
  std::vector<std::string> warnings;
  const PostgresConfig merged = merge_dynamic(
      {},
      R"({"postgresql":{"callbacks":{"on_start":"it's","on_stop":["a"],"on_reload":"fine"},)"
      R"("pre_promote":{},"before_stop":"\""}})",
      &warnings);
  EXPECT_EQ(merged.callbacks.size(), 1U);
  EXPECT_EQ(warnings.size(), 4U);
}

// The agent's log has these lines whenever /config changes.
TEST(Merge, SaysWhichSettingsOfTheWholeConfigurationAreNotUsed) {
  std::vector<std::string> warnings;
  (void)merge_dynamic({}, R"({"postgresql":{"use_slots":7},"slots":{"A":{}}})", &warnings);
  EXPECT_EQ(warnings,
            (std::vector<std::string>{
                "dynamic configuration: slots.A is no permanent slot that can be made: PostgreSQL "
                "allows 1 to 63 characters a-z, 0-9 and _ in the name of a slot",
                "dynamic configuration: postgresql.use_slots is 7; allowed is true or false; true "
                "is in force"}));
}

TEST(Merge, SaysWhatItCannotUse) {
  std::vector<std::string> warnings;
  const PostgresConfig merged = merge_dynamic(
      {},
      R"({"postgresql":{"pg_hba":"all","use_unix_socket":"perhaps","basebackup":7,"bin_dir":[]}})",
      &warnings);
  EXPECT_TRUE(merged.pg_hba.empty());
  EXPECT_EQ(warnings.size(), 4U);
}

}  // namespace
}  // namespace pgherd
