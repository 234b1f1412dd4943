#include <gtest/gtest.h>

#include <map>
#include <string>

#include "codec/dcs_values.h"

namespace pgherd {
namespace {

constexpr const char* kRubbish[] = {"",     "x",    "{",       "[",    "true",  "\"a\"",
                                    "null", "\xFF", "{\"a\":", "[[1,", "1e999", "-"};

using Slots = std::map<std::string, Lsn>;

TEST(StatusValue, IsWrittenCompactWithSortedSlots) {
  const StatusKey status{.optime = Lsn{83886432},
                         .slots = Slots{{"node_b", Lsn{83886400}}, {"cdc", Lsn{83880000}}},
                         .retain_slots = {"node_c", "node_b"}};
  EXPECT_EQ(encode_status(status),
            R"({"optime":83886432,"slots":{"cdc":83880000,"node_b":83886400},)"
            R"("retain_slots":["node_b","node_c"]})");
  EXPECT_EQ(encode_status({.optime = Lsn{5}}), R"({"optime":5})");
}

TEST(StatusValue, IsReadInEveryFormThatWasEverWritten) {
  EXPECT_EQ(decode_status("83886432"), (StatusKey{.optime = Lsn{83886432}}));
  EXPECT_EQ(decode_status(R"({"optime":"83886432"})"), (StatusKey{.optime = Lsn{83886432}}));
  const StatusKey expected{.optime = Lsn{7}, .slots = Slots{{"a", Lsn{5}}}, .retain_slots = {"b"}};
  EXPECT_EQ(decode_status(R"({"optime":7,"slots":{"a":5},"retain_slots":["b"]})"), expected);
  EXPECT_EQ(decode_status(R"({"optime":7,"slots":"{\"a\":5}","retain_slots":"[\"b\"]"})"),
            expected);
}

TEST(StatusValue, ThatCannotBeReadIsEmpty) {
  for (const char* text : kRubbish)
    EXPECT_EQ(decode_status(text), StatusKey{}) << text;
  EXPECT_EQ(decode_status(R"({"optime":-1,"slots":[1],"retain_slots":{"a":1}})"), StatusKey{});
  EXPECT_EQ(decode_status(R"({"slots":{"a":"x","b":-1,"c":3},"retain_slots":[1,"d"]})"),
            (StatusKey{.slots = Slots{{"c", Lsn{3}}}, .retain_slots = {"d"}}));
}

TEST(StatusValue, HoldsTheLargestPosition) {
  const StatusKey status{.optime = Lsn{UINT64_MAX}};
  EXPECT_EQ(decode_status(encode_status(status)), status);
}

constexpr const char* kHistory =
    R"([[1,67108864,"no recovery target specified","2026-05-01T09:00:12.114211+00:00","node-a"],)"
    R"([2,83886080,"no recovery target specified"]])";

TEST(HistoryValue, KeepsRowsAsWideAsTheyAreKnown) {
  const auto rows = decode_history(kHistory);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0], (HistoryRow{.parent = Timeline{1},
                                    .switched_at = Lsn{67108864},
                                    .reason = "no recovery target specified",
                                    .timestamp = "2026-05-01T09:00:12.114211+00:00",
                                    .new_leader = "node-a"}));
  EXPECT_EQ(encode_history(*rows), kHistory);
}

TEST(HistoryValue, OfTheFirstTimelineIsAnEmptyList) {
  EXPECT_EQ(encode_history({}), "[]");
  const auto rows = decode_history("[]");
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->empty());
}

TEST(HistoryValue, ThatCannotBeReadAsAWholeIsAbsent) {
  for (const char* text : kRubbish)
    EXPECT_EQ(decode_history(text), std::nullopt) << text;
  for (const char* text : {"{}", "[1]", "[[1]]", "[[\"x\",1,\"\"]]", "[[0,1,\"\"]]",
                           "[[-1,1,\"\"]]", "[[4294967295,1,\"\"]]", "[[1,1,\"\"],[]]"}) {
    EXPECT_EQ(decode_history(text), std::nullopt) << text;
  }
}

TEST(FailoverValue, TellsASwitchoverFromAFailover) {
  const auto switchover = decode_failover(R"({"leader":"node-a","member":"node-b"})");
  ASSERT_TRUE(switchover);
  EXPECT_EQ(switchover->leader, "node-a");
  EXPECT_EQ(switchover->candidate, "node-b");
  const auto failover = decode_failover(R"({"member":"node-b"})");
  ASSERT_TRUE(failover);
  EXPECT_EQ(failover->leader, std::nullopt);
  EXPECT_EQ(failover->candidate, "node-b");
}

TEST(FailoverValue, WithATimeIsScheduledAndKeepsItsZone) {
  const auto request =
      decode_failover(R"({"leader":"a","member":"b","scheduled_at":"2026-08-01T03:00:00+02:00"})");
  ASSERT_TRUE(request && request->scheduled_at);
  EXPECT_EQ(encode_failover(*request),
            R"({"leader":"a","member":"b","scheduled_at":"2026-08-01T03:00:00+02:00"})");
}

TEST(FailoverValue, WithATimeThatIsNoneIsNotCarriedOutAtOnce) {
  for (const char* time : {"\"2026-08-01T03:00:00\"", "\"tomorrow\"", "17", "true"}) {
    const auto request =
        decode_failover(R"({"leader":"a","scheduled_at":)" + std::string(time) + "}");
    ASSERT_TRUE(request) << time;
    EXPECT_EQ(request->scheduled_at, std::nullopt) << time;
    EXPECT_TRUE(request->schedule_is_unreadable) << time;
  }
  EXPECT_FALSE(decode_failover(R"({"leader":"a","scheduled_at":null})")->schedule_is_unreadable);
  EXPECT_FALSE(decode_failover(R"({"leader":"a","scheduled_at":""})")->schedule_is_unreadable);
}

TEST(FailoverValue, ThatNamesNobodyIsNoRequest) {
  EXPECT_EQ(encode_failover({}), "{}");
  for (const char* text :
       {"", "{}", "[]", "null", "17", "\"a:b\"", R"({"leader":"","member":null})", ":", "  ",
        R"({"scheduled_at":"2026-08-01T03:00:00+02:00"})", "{\"leader"}) {
    EXPECT_EQ(decode_failover(text), std::nullopt) << text;
  }
}

TEST(FailoverValue, OfTheOldestFormIsReadStill) {
  EXPECT_EQ(decode_failover("a:b"), (FailoverRequest{.leader = "a", .candidate = "b"}));
  EXPECT_EQ(decode_failover(" a : b "), (FailoverRequest{.leader = "a", .candidate = "b"}));
  EXPECT_EQ(decode_failover("a"), (FailoverRequest{.leader = "a"}));
  EXPECT_EQ(decode_failover(":b"), (FailoverRequest{.candidate = "b"}));
}

TEST(SyncValue, JoinsSortedNames) {
  const SyncKey sync{.leader = "node-a", .quorum = 1, .standbys = {"node-c", "node-b"}};
  EXPECT_EQ(encode_sync(sync), R"({"leader":"node-a","quorum":1,"sync_standby":"node-b,node-c"})");
  EXPECT_EQ(decode_sync(encode_sync(sync)),
            (SyncKey{.leader = "node-a", .quorum = 1, .standbys = {"node-b", "node-c"}}));
}

TEST(SyncValue, WithoutALeaderIsInactive) {
  EXPECT_EQ(encode_sync({.quorum = 3, .standbys = {"b"}}),
            R"({"leader":null,"quorum":0,"sync_standby":null})");
  EXPECT_EQ(decode_sync(R"({"leader":null,"quorum":2,"sync_standby":"b"})"), SyncKey{});
  EXPECT_EQ(decode_sync("{}"), SyncKey{});
}

TEST(SyncValue, IsReadTolerantlyAndRubbishIsAbsent) {
  EXPECT_EQ(decode_sync(R"({"leader":"a","quorum":null,"sync_standby":" c , b,,"})"),
            (SyncKey{.leader = "a", .standbys = {"b", "c"}}));
  EXPECT_EQ(decode_sync(R"({"leader":"a","quorum":-5,"sync_standby":7.5})"),
            (SyncKey{.leader = "a", .standbys = {"7.5"}}));
  for (const char* text : kRubbish)
    EXPECT_EQ(decode_sync(text), std::nullopt) << text;
}

TEST(FailsafeValue, MapsNamesToUrls) {
  EXPECT_EQ(
      decode_failsafe(R"({"a":"http://h1/patroni","b":"http://h2/patroni","c":7})"),
      (std::map<NodeName, std::string>{{"a", "http://h1/patroni"}, {"b", "http://h2/patroni"}}));
  for (const char* text : kRubbish)
    EXPECT_TRUE(decode_failsafe(text).empty()) << text;
}

}  // namespace
}  // namespace pgherd
