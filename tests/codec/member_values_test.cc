#include <gtest/gtest.h>

#include "codec/dcs_values.h"

namespace pgherd {
namespace {

Member a_standby() {
  Member member;
  member.name = "node-b";
  member.conn_url = "postgres://10.1.0.12:5432/postgres";
  member.api_url = "http://10.1.0.12:8008/patroni";
  member.state = MemberState::Running;
  member.role = MemberRole::Replica;
  member.version = "4.1.4";
  member.tags.clonefrom = true;
  member.tags.published = R"({"clonefrom":true})";
  member.xlog_location = Lsn{83886432};
  member.replay_lsn = Lsn{83886432};
  member.receive_lsn = Lsn{83886432};
  member.replication_state = "streaming";
  member.timeline = Timeline{7};
  return member;
}

constexpr const char* kStandby =
    R"({"conn_url":"postgres://10.1.0.12:5432/postgres","api_url":"http://10.1.0.12:8008/patroni",)"
    R"("state":"running","role":"replica","version":"4.1.4","tags":{"clonefrom":true},)"
    R"("xlog_location":83886432,"replay_lsn":83886432,"receive_lsn":83886432,)"
    R"("replication_state":"streaming","timeline":7})";

TEST(MemberValue, IsWhatPeersOfTheReferenceWrite) {
  EXPECT_EQ(encode_member(a_standby()), kStandby);
  EXPECT_EQ(decode_member("node-b", kStandby), a_standby());
}

TEST(MemberValue, OfALeaderThatHasNotCheckpointedYetSaysSo) {
  Member member = a_standby();
  member.checkpoint_after_promote_is_pending = true;
  EXPECT_NE(encode_member(member).find(R"("checkpoint_after_promote":false)"), std::string::npos);
  EXPECT_TRUE(decode_member("a", R"({"checkpoint_after_promote":false})")
                  .checkpoint_after_promote_is_pending);
  EXPECT_FALSE(decode_member("a", "{}").checkpoint_after_promote_is_pending);
}

TEST(MemberValue, CarriesPendingAndScheduledRestartsAndPause) {
  const std::string text =
      R"({"state":"running","pending_restart":true,"pending_restart_reason":)"
      R"({"max_connections":{"old_value":"100","new_value":"200"}},)"
      R"("scheduled_restart":{"schedule":"2026-08-01T03:00:00+00:00","role":"replica"},"pause":true})";
  const Member member = decode_member("a", text);
  EXPECT_TRUE(member.pending_restart);
  EXPECT_EQ(member.pending_restart_reason.at("max_connections"),
            (PendingRestartReason{.old_value = "100", .new_value = "200"}));
  EXPECT_EQ(member.scheduled_restart,
            R"({"schedule":"2026-08-01T03:00:00+00:00","role":"replica"})");
  EXPECT_TRUE(member.pause);
  EXPECT_EQ(encode_member(member), text);
}

TEST(MemberValue, CarriesHowFarACopyIs) {
  const std::string text =
      R"({"state":"creating replica","copy":{"from":"b","copied_bytes":10,"total_bytes":100,"seconds":3}})";
  const Member member = decode_member("a", text);
  EXPECT_EQ(member.copy,
            (CopyProgress{.from = "b", .copied_bytes = 10, .total_bytes = 100, .seconds = 3}));
  EXPECT_EQ(encode_member(member), text);
  EXPECT_EQ(decode_member("a", R"({"copy":{"copied_bytes":-1,"total_bytes":"x"}})").copy,
            CopyProgress{});
  EXPECT_FALSE(decode_member("a", R"({"copy":7})").copy);
}

TEST(MemberValue, OfTheOldestFormIsAUrlWithTheApiUrlInside) {
  const Member member = decode_member(
      "a",
      "postgres://10.1.0.11:5432/postgres?x=1&application_name=http%3A%2F%2F10.1.0.11%3a8008"
      "/patroni");
  EXPECT_EQ(member.name, "a");
  EXPECT_EQ(member.conn_url, "postgres://10.1.0.11:5432/postgres");
  EXPECT_EQ(member.api_url, "http://10.1.0.11:8008/patroni");
  EXPECT_EQ(decode_member("a", "postgres://h:1/d").conn_url, "postgres://h:1/d");
  EXPECT_EQ(decode_member("a", "postgres://h?application_name=%4").api_url, "%4");
}

TEST(MemberValue, ThatCannotBeReadLeavesAMemberWithANameOnly) {
  Member only_name;
  only_name.name = "a";
  for (const char* text : {"", "garbage", "[]", "17", "null", "\"x\"", "{",
                           "{\"state\":", "\xFF\xFE", "{\"a\":\"\xFF\"}", "{}"}) {
    EXPECT_EQ(decode_member("a", text), only_name) << text;
  }
  EXPECT_EQ(decode_member("a", std::string(100'000, '[')), only_name);
}

TEST(MemberValue, WithFieldsOfWrongTypesKeepsTheRest) {
  const Member member = decode_member(
      "a",
      R"({"conn_url":"postgres://h:1/d","api_url":[],"state":"on fire","role":{},"timeline":-3,)"
      R"("xlog_location":-1,"receive_lsn":"77","replay_lsn":[1],"tags":[],"pending_restart":"x",)"
      R"("pending_restart_reason":7,"scheduled_restart":"x","future":{"a":1}})");
  Member expected;
  expected.name = "a";
  expected.conn_url = "postgres://h:1/d";
  expected.receive_lsn = Lsn{77};
  EXPECT_EQ(member, expected);
}

TEST(MemberValue, KeepsTagsInTheirOrderAndTypes) {
  const Member member =
      decode_member("a", R"({"tags":{"zone":"b","rack":7,"failover_priority":"2"}})");
  EXPECT_EQ(member.tags.published, R"({"zone":"b","rack":7,"failover_priority":"2"})");
  EXPECT_EQ(member.tags.failover_priority, 2);
}

TEST(MemberValue, WithANameThatIsNoUtf8CanStillBeWritten) {
  Member member;
  member.conn_url = "postgres://\xFF/";
  EXPECT_EQ(encode_member(member), "{\"conn_url\":\"postgres://\xEF\xBF\xBD/\"}");
}

}  // namespace
}  // namespace pgherd
