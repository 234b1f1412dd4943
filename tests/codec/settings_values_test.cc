#include <gtest/gtest.h>

#include "base/dice.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"

namespace pgherd {
namespace {

Settings settings_of(const std::string& json) {
  const auto settings = decode_settings(json);
  EXPECT_TRUE(settings) << json << ": " << settings.error();
  return settings.value_or(Settings{});
}

std::vector<std::string> lines_of(const std::string& json) {
  std::vector<std::string> lines;
  for (const DynamicRemark& remark : settings_not_usable(json))
    lines.push_back(remark.text());
  return lines;
}

TEST(DynamicSettings, OfAnEmptyObjectAreTheDefaults) {
  EXPECT_EQ(settings_of("{}"), Settings{});
  EXPECT_EQ(settings_of(R"({"unheard_of":{"a":1},"postgresql":{}})"), Settings{});
}

TEST(DynamicSettings, AreReadFromOneObject) {
  const Settings settings = settings_of(
      R"({"ttl":60,"loop_wait":5,"retry_timeout":20,"maximum_lag_on_failover":0,)"
      R"("maximum_lag_on_syncnode":1000,"check_timeline":true,"primary_start_timeout":0,)"
      R"("primary_stop_timeout":15,"synchronous_mode":"quorum","synchronous_mode_strict":"on",)"
      R"("synchronous_node_count":2,"failsafe_mode":"yes","pause":true,"member_slots_ttl":"1h",)"
      R"("slots_wal_limit":"64GB",)"
      R"("max_timelines_history":10,"postgresql":{"use_slots":false,"use_pg_rewind":"true",)"
      R"("remove_data_directory_on_rewind_failure":1,)"
      R"("remove_data_directory_on_diverged_timelines":true,"parameters":{}}})");
  const Settings expected{.ttl = 60s,
                          .loop_wait = 5s,
                          .retry_timeout = 20s,
                          .maximum_lag_on_failover_bytes = 0,
                          .check_timeline = true,
                          .primary_start_timeout = 0s,
                          .primary_stop_timeout = 15s,
                          .synchronous_mode = SynchronousMode::Quorum,
                          .synchronous_mode_strict = true,
                          .synchronous_node_count = 2,
                          .maximum_lag_on_syncnode_bytes = 1000,
                          .failsafe_mode = true,
                          .paused = true,
                          .member_slots_ttl = 3600s,
                          .slots_wal_limit_bytes = std::int64_t{64} << 30,
                          .max_timelines_history = 10,
                          .use_slots = false,
                          .use_pg_rewind = true,
                          .remove_data_directory_on_rewind_failure = true,
                          .remove_data_directory_on_diverged_timelines = true};
  EXPECT_EQ(settings, expected);
}

TEST(Timeouts, OfAShortLeaseAreAllowed) {
  const Settings settings = settings_of(R"({"ttl":5,"loop_wait":1,"retry_timeout":2})");
  EXPECT_EQ(settings.ttl, Milliseconds(5s));
  EXPECT_EQ(settings.loop_wait, Milliseconds(1s));
  EXPECT_EQ(settings.retry_timeout, Milliseconds(2s));
}

TEST(Timeouts, ThatAreTooSmallAreRaised) {
  const Settings settings = settings_of(R"({"ttl":0,"loop_wait":-5,"retry_timeout":"0"})");
  EXPECT_EQ(settings.ttl, Milliseconds(2s));
  EXPECT_EQ(settings.loop_wait, Milliseconds(1s));
  EXPECT_EQ(settings.retry_timeout, Milliseconds(500ms));
}

TEST(Timeouts, GiveTheLoopWhatTheRetriesLeave) {
  const Settings settings = settings_of(R"({"ttl":30,"loop_wait":20,"retry_timeout":10})");
  EXPECT_EQ(settings.loop_wait, Milliseconds(10s));
  EXPECT_EQ(settings.retry_timeout, Milliseconds(10s));
}

TEST(Timeouts, CutTheRetriesWhenEvenTheShortestLoopDoesNotFit) {
  const Settings settings = settings_of(R"({"ttl":20,"loop_wait":10,"retry_timeout":10})");
  EXPECT_EQ(settings.loop_wait, Milliseconds(1s));
  EXPECT_EQ(settings.retry_timeout, Milliseconds(9s));
}

TEST(Timeouts, AlwaysFitIntoTheLease) {
  Dice dice(4);
  for (int i = 0; i < 2000; ++i) {
    const auto number = [&] {
      return std::to_string(dice.between(-5, dice.chance(50) ? 40 : 4000));
    };
    const Settings settings = settings_of("{\"ttl\":" + number() + ",\"loop_wait\":" + number() +
                                          ",\"retry_timeout\":" + number() + "}");
    EXPECT_GE(settings.ttl, Milliseconds(2s));
    EXPECT_GE(settings.loop_wait, Milliseconds(1s));
    EXPECT_GT(settings.retry_timeout, Milliseconds(0));
    EXPECT_LE(settings.loop_wait + 2 * settings.retry_timeout, settings.ttl);
  }
}

TEST(Timeouts, MayBeTextAndFractionsButNothingElse) {
  EXPECT_EQ(settings_of(R"({"ttl":"60"})").ttl, Milliseconds(60s));
  EXPECT_EQ(settings_of(R"({"ttl":60.9})").ttl, Milliseconds(60s));
  EXPECT_EQ(settings_of(R"({"ttl":null})").ttl, Milliseconds(30s));
  EXPECT_EQ(settings_of(R"({"ttl":9000000000000000000})").ttl, Milliseconds(1'000'000'000s));
  for (const char* ttl : {"\"30s\"", "\"\"", "true", "[30]", "{}", "\"thirty\"", "1e300"}) {
    const auto settings = decode_settings("{\"ttl\":" + std::string(ttl) + "}");
    ASSERT_FALSE(settings) << ttl;
    EXPECT_TRUE(settings.error().starts_with("ttl is ")) << settings.error();
    EXPECT_NE(settings.error().find("allowed is a whole number of seconds, at least 2"),
              std::string::npos)
        << settings.error();
  }
}

TEST(DynamicSettings, ThatAreNoObjectAreRefused) {
  for (const char* text : {"", "null", "[]", "17", "{", "\"x\"", "\xFF", "{\"a\":1}x"}) {
    EXPECT_FALSE(decode_settings(text)) << text;
  }
  EXPECT_FALSE(decode_settings(std::string(100'000, '{')));
  EXPECT_FALSE(decode_settings(R"({"postgresql":"x"})"));
  EXPECT_FALSE(decode_settings(R"({"postgresql":{"parameters":["max_connections"]}})"));
}

TEST(DynamicSettings, ThatCannotBeUsedAreNamed) {
  const std::string no_bytes =
      "maximum_lag_on_failover is \"1MB\"; allowed is a whole number of bytes, without a unit; "
      "1048576 is in force";
  EXPECT_EQ(
      lines_of(R"({"maximum_lag_on_failover":"1MB","primary_stop_timeout":"1s",)"
               R"("check_timeline":"maybe","synchronous_mode":"sometimes",)"
               R"("slots_wal_limit":"-1MB"})"),
      (std::vector<std::string>{
          no_bytes,
          "primary_stop_timeout is \"1s\"; allowed is a whole number of seconds; 0 is in force",
          "check_timeline is \"maybe\"; allowed is true or false; false is in force",
          "slots_wal_limit is \"-1MB\"; allowed is a size, as in 64GB; 0: no limit; 0 is in force",
          "synchronous_mode is \"sometimes\"; allowed is on, off or quorum; off is in force"}));
  for (const char* right :
       {R"({"maximum_lag_on_failover":"17","synchronous_mode":"Quorum","failsafe_mode":"yes"})",
        R"({"synchronous_mode":1,"check_timeline":null,"synchronous_node_count":2.0})", "no json"})
    EXPECT_EQ(lines_of(right), std::vector<std::string>{}) << right;
}

TEST(DynamicSettings, OfPostgresqlThatAreNoBooleanAreNamedAndHaveTheirDefaults) {
  constexpr const char* kNone =
      R"({"postgresql":{"use_slots":7,"use_pg_rewind":"perhaps",)"
      R"("remove_data_directory_on_rewind_failure":{},)"
      R"("remove_data_directory_on_diverged_timelines":"x"},"pause":"later"})";
  EXPECT_EQ(
      lines_of(kNone),
      (std::vector<std::string>{
          "pause is \"later\"; allowed is true or false; false is in force",
          "postgresql.use_slots is 7; allowed is true or false; true is in force",
          "postgresql.use_pg_rewind is \"perhaps\"; allowed is true or false; false is in force",
          "postgresql.remove_data_directory_on_rewind_failure is {}; allowed is true or false; "
          "false is in force",
          "postgresql.remove_data_directory_on_diverged_timelines is \"x\"; allowed is true or "
          "false; false is in force"}));
  EXPECT_EQ(settings_of(kNone), Settings{});
  EXPECT_EQ(lines_of(R"({"postgresql":{"use_slots":"off","use_pg_rewind":1}})"),
            std::vector<std::string>{});
}

TEST(DynamicSettings, WithTimesAndSlotsThatAreNoneAreNamed) {
  EXPECT_EQ(lines_of(R"({"member_slots_ttl":-1,"ignore_slots":"all"})"),
            (std::vector<std::string>{
                "ignore_slots is \"all\"; allowed is a list of maps with name, type, ...",
                "member_slots_ttl is -1; allowed is a time, as in 30min; 0 is in force"}));
  EXPECT_EQ(lines_of(R"({"max_timelines_history":-2})"),
            std::vector<std::string>{
                "max_timelines_history is -2; allowed is a whole number; 0 is in force"});
  EXPECT_EQ(lines_of(R"({"member_slots_ttl":["1h"],"ignore_slots":[{"name":"a"},"b"]})").size(),
            2U);
  EXPECT_EQ(lines_of(R"({"member_slots_ttl":"2h","ignore_slots":[],"slots":""})").size(), 0U);
}

TEST(DynamicSettings, OfAStandbyClusterThatWillNotDoAreNamed) {
  EXPECT_EQ(
      lines_of(R"({"standby_cluster":{"host":["a","b"],"port":70000,"primary_slot_name":"A-b",)"
               R"("restore_command":{},"recovery_min_apply_delay":"soon"}})"),
      (std::vector<std::string>{
          R"(standby_cluster.host is ["a","b"]; allowed is a text, several hosts between commas)",
          "standby_cluster.port is 70000; allowed is a port from 1 to 65535",
          "standby_cluster.primary_slot_name is A-b, which no slot can be called: the slot a_b is "
          "used",
          "standby_cluster.recovery_min_apply_delay is \"soon\"; allowed is a time, as in 5min"}));
  EXPECT_EQ(
      lines_of(R"({"standby_cluster":{"host":"a","primary_slot_name":["s"]}})"),
      std::vector<std::string>{"standby_cluster.primary_slot_name is [\"s\"]; allowed is a text"});
  EXPECT_EQ(lines_of(R"({"standby_cluster":"yes"})"),
            std::vector<std::string>{"standby_cluster is \"yes\"; allowed is a map of keys"});
  EXPECT_EQ(lines_of(R"({"standby_cluster":{"primary_slot_name":"s"}})"),
            std::vector<std::string>{"standby_cluster has neither host nor port nor "
                                     "restore_command; without one of them it is no standby "
                                     "cluster"});
  for (const char* right :
       {R"({"standby_cluster":{"host":"a,b","port":"5432,5433","recovery_min_apply_delay":"1h"}})",
        R"({"standby_cluster":{}})", R"({"standby_cluster":{"port":5432,"host":""}})"})
    EXPECT_EQ(lines_of(right), std::vector<std::string>{}) << right;
}

// Patroni takes it for a standby cluster as well; as none it would take writes.
TEST(DynamicSettings, OfAStandbyClusterMakeOneWhateverTheirKind) {
  const auto several = settings_of(R"({"standby_cluster":{"host":["a","b"]}})").standby_cluster;
  ASSERT_TRUE(several);
  EXPECT_EQ(several->host, "a,b");
  EXPECT_TRUE(settings_of(R"({"standby_cluster":{"host":{"name":"a"}}})").standby_cluster);
  EXPECT_TRUE(settings_of(R"({"standby_cluster":{"restore_command":["cp"]}})").standby_cluster);
  EXPECT_FALSE(settings_of(R"({"standby_cluster":{"host":[]}})").standby_cluster);
}

TEST(DynamicSettings, FallBackToDefaultsOneByOne) {
  EXPECT_EQ(
      settings_of(R"({"maximum_lag_on_failover":"1MB","primary_start_timeout":"5min",)"
                  R"("check_timeline":"maybe","synchronous_node_count":"two",)"
                  R"("member_slots_ttl":"soon","failsafe_mode":[],"max_timelines_history":{},)"
                  R"("slots_wal_limit":"a lot",)"
                  R"("pause":"later","synchronous_mode":"sometimes"})"),
      Settings{});
}

TEST(DynamicSettings, KnowTheOldNamesAndPreferTheNew) {
  EXPECT_EQ(settings_of(R"({"master_start_timeout":0})").primary_start_timeout, Milliseconds(0s));
  EXPECT_EQ(settings_of(R"({"master_stop_timeout":7})").primary_stop_timeout, Milliseconds(7s));
  EXPECT_EQ(
      settings_of(R"({"master_start_timeout":0,"primary_start_timeout":9})").primary_start_timeout,
      Milliseconds(9s));
}

TEST(SynchronousMode, IsABooleanOrQuorum) {
  EXPECT_EQ(settings_of(R"({"synchronous_mode":true})").synchronous_mode, SynchronousMode::On);
  EXPECT_EQ(settings_of(R"({"synchronous_mode":"ON"})").synchronous_mode, SynchronousMode::On);
  EXPECT_EQ(settings_of(R"({"synchronous_mode":1})").synchronous_mode, SynchronousMode::On);
  EXPECT_EQ(settings_of(R"({"synchronous_mode":"Quorum"})").synchronous_mode,
            SynchronousMode::Quorum);
  EXPECT_EQ(settings_of(R"({"synchronous_mode":"off"})").synchronous_mode, SynchronousMode::Off);
}

TEST(SynchronousMode, NeedsOneStandbyAtLeastWhenStrict) {
  EXPECT_EQ(settings_of(R"({"synchronous_node_count":0})").synchronous_node_count, 0);
  EXPECT_EQ(settings_of(R"({"synchronous_node_count":0,"synchronous_mode_strict":true})")
                .synchronous_node_count,
            1);
}

TEST(StandbyCluster, IsOneWhenItCanFollowSomething) {
  EXPECT_EQ(settings_of(R"({"standby_cluster":{}})").standby_cluster, std::nullopt);
  EXPECT_EQ(settings_of(R"({"standby_cluster":{"host":"","port":0}})").standby_cluster,
            std::nullopt);
  const Settings settings = settings_of(
      R"({"synchronous_mode":true,"standby_cluster":{"host":"h","port":5433,"primary_slot_name":"s"}})");
  EXPECT_EQ(settings.standby_cluster,
            (StandbyClusterSettings{.host = "h", .port = "5433", .primary_slot_name = "s"}));
  EXPECT_EQ(settings.synchronous_mode, SynchronousMode::Off);
}

TEST(Settings, ReadPermanentSlotsUnderTheFirstNameThatSaysAnything) {
  const auto settings = decode_settings(R"({"permanent_slots":{},"slots":{
      "archive":null,"cdc":{"database":"shop","plugin":"pgoutput"},
      "far":{"type":"physical","cluster_type":"standby"},"Bad Name":{},"half":{"type":"logical"}},
      "ignore_slots":[{"type":"logical","plugin":"wal2json"}, 7],"primary_race_backoff":5})");
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->permanent_slots.size(), 3U);
  EXPECT_EQ(settings->permanent_slots[0].name, "archive");
  EXPECT_TRUE(settings->permanent_slots[1].is_logical);
  EXPECT_EQ(settings->permanent_slots[1].database, "shop");
  EXPECT_EQ(settings->permanent_slots[2].side, PermanentSlot::Side::Standby);
  ASSERT_EQ(settings->ignore_slots.size(), 1U);
  EXPECT_EQ(settings->ignore_slots[0].plugin, "wal2json");
  EXPECT_EQ(settings->primary_race_backoff, Milliseconds(5000));
}

TEST(Settings, NameThePermanentSlotsThatCannotBeMade) {
  EXPECT_EQ(
      lines_of(R"({"slots":{"archive":null,"Bad Name":{},"half":{"type":"logical","database":"d"},)"
               R"("word":"physical","typo":{"type":"logicl"}}})"),
      (std::vector<std::string>{
          "slots.Bad Name is no permanent slot that can be made: PostgreSQL allows 1 to 63 "
          "characters a-z, 0-9 and _ in the name of a slot",
          "slots.half is no permanent slot that can be made: a logical slot needs its database and "
          "its plugin",
          "slots.word is no permanent slot that can be made: it is \"physical\"; allowed is a map "
          "with its type, database and plugin",
          "slots.typo is no permanent slot that can be made: its type is logicl; allowed is "
          "physical or logical"}));
  EXPECT_EQ(lines_of(R"({"permanent_slots":["a"]})"),
            std::vector<std::string>{"permanent_slots is [\"a\"]; allowed is a map of slots"});
}

TEST(Settings, LeaveOutThePermanentSlotsThatCannotBeMade) {
  const Settings settings = settings_of(
      R"({"slots":{"archive":null,"Bad Name":{},"half":{"type":"logical","database":"d"},)"
      R"("word":"physical","typo":{"type":"logicl"}}})");
  ASSERT_EQ(settings.permanent_slots.size(), 1U);
  EXPECT_EQ(settings.permanent_slots[0].name, "archive");
}

}  // namespace
}  // namespace pgherd
