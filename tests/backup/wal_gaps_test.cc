#include "backup/wal_gaps.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backup/an_info.h"

namespace pgherd::backup::test {
namespace {

using Sentences = std::vector<std::string>;

std::string archived(std::uint32_t timeline, std::uint32_t log, std::uint32_t low) {
  return fmt::format("17-1/{:08X}{:08X}/{:08X}{:08X}{:08X}-2ee4d0551f9d4f.gz", timeline, log,
                     timeline, log, low);
}

// A backup in 2, one in 3 to 4; all that there is goes to `last`.
Sentences up_to(std::uint32_t last) {
  Sentences files{"17-1/0000000100000000/000000010000000000000002.00000028.backup"};
  for (std::uint32_t low = 1; low <= last; ++low)
    files.push_back(archived(1, 0, low));
  return files;
}

Sentences without(Sentences files, std::uint32_t low) {
  std::erase(files, archived(1, 0, low));
  return files;
}

TEST(WalGaps, OfAWholeArchiveAreNone) {
  EXPECT_EQ(wal_gaps(a_stanza(), 1, up_to(9)), Sentences{});
}

TEST(WalGaps, AreNamedInWhatABackupNeeds) {
  EXPECT_EQ(wal_gaps(a_stanza(), 1, without(up_to(9), 2)),
            Sentences{"backup 20261130-100046F cannot be recovered: the archive lacks "
                      "000000010000000000000002"});
  EXPECT_EQ(wal_gaps(a_stanza(), 1, without(up_to(4), 4)),
            Sentences{"backup 20261130-100046F_20261130-100053I cannot be recovered: the archive "
                      "lacks 000000010000000000000004 of 000000010000000000000003 to "
                      "000000010000000000000004"});
}

TEST(WalGaps, BehindTheNewestBackupEndWhatCanBeRecovered) {
  EXPECT_EQ(wal_gaps(a_stanza(), 1, without(without(up_to(9), 6), 7)),
            Sentences{"nothing can be recovered beyond 000000010000000000000005: 2 segments are "
                      "missing in the archive before 000000010000000000000008"});
}

TEST(WalGaps, BeforeTheNewestBackupMayBeWhatRetentionTook) {
  EXPECT_EQ(wal_gaps(a_stanza(), 1, without(up_to(9), 1)), Sentences{});
}

TEST(WalGaps, AreNoneWhereATimelineEnds) {
  Sentences files = up_to(6);
  files.push_back(archived(2, 0, 6));
  files.push_back(archived(2, 0, 7));
  EXPECT_EQ(wal_gaps(a_stanza(), 1, files), Sentences{});
  files.push_back(archived(2, 0, 9));
  EXPECT_EQ(wal_gaps(a_stanza(), 1, files).size(), 1U);
}

TEST(WalGaps, AreCountedInSegmentsOfTheSizeThatTheClusterHas) {
  Stanza stanza = a_stanza();
  stanza.backups.erase(stanza.backups.begin());
  Backup& backup = stanza.backups.front();
  // Of 1 GB each: four share the middle of a name.
  backup.lsn_start = "0/C0000028";
  backup.wal_start = "000000010000000000000003";
  backup.wal_stop = "000000010000000100000000";
  EXPECT_EQ(wal_gaps(stanza, 1, {archived(1, 0, 3), archived(1, 1, 0), archived(1, 1, 1)}),
            Sentences{});
  EXPECT_EQ(wal_gaps(stanza, 1, {archived(1, 0, 3), archived(1, 1, 1)}),
            Sentences{"backup 20261130-100046F_20261130-100053I cannot be recovered: the archive "
                      "lacks 000000010000000100000000 of 000000010000000000000003 to "
                      "000000010000000100000000"});
}

TEST(WalGaps, OfAnotherRepositoryAreItsOwn) {
  EXPECT_EQ(wal_gaps(a_stanza(), 2, {}), Sentences{});
}

TEST(Listing, HasTheFilesOnly) {
  const auto files = parse_listing(
      R"({".":{"type":"path"},"17-1":{"type":"path"},"17-1/0000000100000000/a.gz":{"type":"file",)"
      R"("size":1380200,"time":1796032847}})");
  ASSERT_TRUE(files);
  EXPECT_EQ(*files, Sentences{"17-1/0000000100000000/a.gz"});
  EXPECT_FALSE(parse_listing("[]"));
  EXPECT_FALSE(parse_listing("no"));
}

}  // namespace
}  // namespace pgherd::backup::test
