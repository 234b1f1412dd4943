#include "model/member.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/dice.h"

namespace pgherd {
namespace {

TEST(CopyOfTheData, IsDescribedAsFarAsItIsKnown) {
  constexpr std::uint64_t kGigabyte = 1U << 30U;
  EXPECT_EQ(describe({.copied_bytes = 3 * kGigabyte, .total_bytes = 10 * kGigabyte, .seconds = 60}),
            "30 % of 10.0 GB, 51.2 MB/s, 2 min left");
  EXPECT_EQ(describe({.copied_bytes = 2048, .total_bytes = 0, .seconds = 2}), "2.0 kB, 1.0 kB/s");
  EXPECT_EQ(describe({.copied_bytes = 500, .total_bytes = 1000}), "50 % of 1000 bytes");
  EXPECT_EQ(describe({.seconds = 7300}), "for 2.0 h");
  // The source grows meanwhile.
  EXPECT_EQ(describe({.copied_bytes = 2048, .total_bytes = 1024, .seconds = 1}),
            "100 % of 1.0 kB, 2.0 kB/s");
}

TEST(SlotName, IsTheMembersNameAsPostgresqlAllowsIt) {
  EXPECT_EQ(slot_name_of("node_a1"), "node_a1");
  EXPECT_EQ(slot_name_of("Node-A.example"), "node_a_example");
}

TEST(SlotName, SpellsOtherCharactersAsTheirCodePoint) {
  EXPECT_EQ(slot_name_of("a b"), "au0032b");
  EXPECT_EQ(slot_name_of("a/b"), "au0047b");
  EXPECT_EQ(slot_name_of("n\xC3\xA9"), "nu0233");          // é
  EXPECT_EQ(slot_name_of("\xF0\x9F\x90\x98"), "u128024");  // an elephant
  EXPECT_EQ(slot_name_of("\xE2\x82\xAC"), "u8364");        // €
}

TEST(SlotName, IsCutAtPostgresqlsLimit) {
  EXPECT_EQ(slot_name_of(std::string(100, 'a')), std::string(63, 'a'));
  EXPECT_EQ(slot_name_of(std::string(60, 'a') + "/"), std::string(60, 'a') + "u00");
}

TEST(SlotName, SurvivesBrokenUtf8) {
  EXPECT_NO_FATAL_FAILURE((void)slot_name_of("\xF0\x9F"));
  Dice dice(5);
  for (int i = 0; i < 500; ++i) {
    std::string name;
    for (std::int64_t length = dice.between(0, 20); length > 0; --length) {
      name.push_back(static_cast<char>(dice.between(0, 255)));
    }
    const std::string slot = slot_name_of(name);
    EXPECT_LE(slot.size(), 63U);
    EXPECT_EQ(slot.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos);
  }
}

TEST(ConnUrl, GivesHostAndPort) {
  EXPECT_EQ(parse_conn_url("postgres://10.1.0.12:5433/postgres"),
            (HostPort{.host = "10.1.0.12", .port = "5433"}));
  EXPECT_EQ(parse_conn_url("postgresql://pg1.example/db?application_name=x"),
            (HostPort{.host = "pg1.example", .port = "5432"}));
  EXPECT_EQ(parse_conn_url("postgres://pg1?x=/"), (HostPort{.host = "pg1", .port = "5432"}));
}

TEST(ConnUrl, TakesBracketsOffAnIpv6Address) {
  EXPECT_EQ(parse_conn_url("postgres://[fd00::1]:5433/postgres"),
            (HostPort{.host = "fd00::1", .port = "5433"}));
  EXPECT_EQ(parse_conn_url("postgres://[::1]/postgres"), (HostPort{.host = "::1", .port = "5432"}));
}

TEST(ConnUrl, IgnoresCredentials) {
  EXPECT_EQ(parse_conn_url("postgres://user:p@ss@pg1:5433/db"),
            (HostPort{.host = "pg1", .port = "5433"}));
}

TEST(ConnUrl, RefusesWhatNamesNoHost) {
  for (const char* text : {"", "pg1:5432", "postgres://", "postgres:///db", "postgres://:5432/db",
                           "postgres://pg1:/db", "postgres://[::1/db", "postgres://[]:1/db"}) {
    EXPECT_EQ(parse_conn_url(text), std::nullopt) << text;
  }
}

TEST(MemberWords, AreReadBackAsTheyAreWritten) {
  for (int index = 0; index <= static_cast<int>(MemberState::Crashed); ++index) {
    const auto state = static_cast<MemberState>(index);
    EXPECT_EQ(parse_member_state(to_string(state)), state);
  }
  for (int index = 0; index <= static_cast<int>(MemberRole::Uninitialized); ++index) {
    const auto role = static_cast<MemberRole>(index);
    EXPECT_EQ(parse_member_role(to_string(role)), role);
  }
  EXPECT_EQ(parse_member_state("RUNNING"), std::nullopt);
  EXPECT_EQ(parse_member_role(""), std::nullopt);
}

TEST(MemberWords, MasterOfAnOlderMemberIsAPrimary) {
  EXPECT_EQ(parse_member_role("master"), MemberRole::Primary);
}

}  // namespace
}  // namespace pgherd
