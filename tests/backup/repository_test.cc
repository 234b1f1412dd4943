#include "backup/repository.h"

#include <gtest/gtest.h>

#include "backup/an_info.h"

namespace pgherd::backup::test {
namespace {

using Sentences = std::vector<std::string>;

std::string refusal_of(const std::string& info) {
  const auto read = parse_info(info);
  return read ? "nothing was wrong" : read.error();
}

TEST(Info, IsReadWhole) {
  const Stanza stanza = a_stanza();
  EXPECT_EQ(stanza.name, "main");
  EXPECT_EQ(stanza.message, "ok");
  EXPECT_FALSE(stanza.backup_is_running);
  ASSERT_EQ(stanza.backups.size(), 2U);
  const Backup& newest = *stanza.newest();
  EXPECT_EQ(newest.label, "20261130-100046F_20261130-100053I");
  EXPECT_EQ(newest.type, "incr");
  EXPECT_EQ(newest.began.microseconds, 1796032853000000);
  EXPECT_EQ(newest.ended.microseconds, 1796032855000000);
  EXPECT_EQ(newest.size_bytes, 23422171);
  EXPECT_EQ(newest.repository_bytes, 403);
  EXPECT_EQ(newest.wal_start, "000000010000000000000003");
  EXPECT_EQ(newest.wal_stop, "000000010000000000000004");
  EXPECT_EQ(stanza.databases.front().version, "17");
  EXPECT_EQ(stanza.find("20261130-100046F"), &stanza.backups.front());
  EXPECT_EQ(stanza.find("20261130-100047F"), nullptr);
  EXPECT_EQ(problems_of(stanza), Sentences{});
}

TEST(Info, OfAStanzaThatIsNotThereIsRead) {
  const Stanza stanza = a_stanza(
      R"([{"archive":[],"backup":[],"cipher":"none","db":[],"name":"main","repo":[{"cipher":"none",)"
      R"("key":1,"status":{"code":1,"message":"missing stanza path"}}],"status":{"code":1,"lock":)"
      R"({"backup":{"held":false}},"message":"missing stanza path"}}])");
  EXPECT_EQ(stanza.newest(), nullptr);
  EXPECT_EQ(problems_of(stanza), Sentences{"repository 1: missing stanza path"});
}

TEST(Info, OrdersBackupsByTheirEnd) {
  const Stanza stanza = a_stanza(replaced(kInfo, "\"stop\":1796032853", "\"stop\":1796032900"));
  EXPECT_EQ(stanza.newest()->label, "20261130-100046F");
}

TEST(Info, TellsThatABackupIsUnderWay) {
  EXPECT_TRUE(a_stanza(replaced(kInfo, "\"held\":false", "\"held\":true")).backup_is_running);
}

TEST(Info, NamesThePlaceOfWhatItDoesNotUnderstand) {
  EXPECT_EQ(refusal_of("sorry"), "it is no JSON");
  EXPECT_EQ(refusal_of(""), "it is no JSON");
  EXPECT_EQ(refusal_of("{}"), "the whole of it: a list is expected, not {}");
  EXPECT_EQ(refusal_of("[7]"), "[0]: an object is expected, not 7");
  EXPECT_EQ(refusal_of("[{}]"), "[0]: there is no \"name\"");
  EXPECT_EQ(refusal_of(replaced(kInfo, "1796032855", "\"soon\"")),
            "[0].backup[1].timestamp.stop: a whole number is expected, not \"soon\"");
  EXPECT_EQ(refusal_of(replaced(kInfo, "\"20261130-100046F\"", "null")),
            "[0].backup[0]: there is no \"label\"");
  EXPECT_EQ(refusal_of(replaced(kInfo, "\"error\":false", "\"error\":\"no\"")),
            "[0].backup[0].error: true or false is expected, not \"no\"");
}

// Whatever it is cut to, it is refused and not believed.
TEST(Info, ThatIsCutAnywhereIsRefused) {
  for (std::size_t length = 0; length < kInfo.size(); ++length)
    EXPECT_FALSE(parse_info(kInfo.substr(0, length))) << length;
}

TEST(Problems, NameANewestBackupOfDamagedPages) {
  Stanza stanza = a_stanza();
  stanza.backups.front().has_error = true;
  EXPECT_EQ(problems_of(stanza), Sentences{}) << "an older one that is damaged is replaced";
  stanza.backups.back().has_error = true;
  ASSERT_EQ(problems_of(stanza).size(), 1U);
  EXPECT_NE(problems_of(stanza)[0].find("20261130-100046F_20261130-100053I has pages"),
            std::string::npos);
}

TEST(Problems, NameAnArchiveThatDoesNotReachTheEndOfTheNewestBackup) {
  Stanza stanza = a_stanza();
  stanza.archives.front().last = "000000010000000000000003";
  ASSERT_EQ(problems_of(stanza).size(), 1U);
  EXPECT_NE(problems_of(stanza)[0].find("000000010000000000000003 to 000000010000000000000004"),
            std::string::npos);
  stanza.archives.clear();
  EXPECT_EQ(problems_of(stanza).size(), 1U);
}

TEST(Problems, NameAStanzaWithoutBackup) {
  Stanza stanza = a_stanza();
  stanza.backups.clear();
  EXPECT_EQ(problems_of(stanza), Sentences{"there is no backup"});
}

TEST(Problems, NameTheRepositoryThatHasThem) {
  Stanza stanza = a_stanza();
  stanza.status = 4;
  stanza.message = "different across repos";
  stanza.repositories.push_back({.key = 2, .status = 2, .message = "no valid backups"});
  EXPECT_EQ(problems_of(stanza), Sentences{"repository 2: no valid backups"});
}

}  // namespace
}  // namespace pgherd::backup::test
