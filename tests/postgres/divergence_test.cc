#include "postgres/local/divergence.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace pgherd {
namespace {

using Kind = LocalEnd::Kind;

const std::vector<HistoryRow> kHistory{
    {.parent = Timeline{1},
     .switched_at = Lsn{0x3000000},
     .reason = "no recovery target specified"},
    {.parent = Timeline{3},
     .switched_at = Lsn{0x5000060},
     .reason = "no recovery target specified"},
};
Divergence verdict(LocalEnd local, std::uint32_t source = 4) {
  return compare_histories(local, Timeline{source}, kHistory).verdict;
}

TEST(Histories, AStandbyThatStoppedAtOrBeforeTheSwitchCanFollow) {
  EXPECT_EQ(verdict({Kind::Standby, Timeline{3}, Lsn{0x5000060}}), Divergence::None);
  EXPECT_EQ(verdict({Kind::Standby, Timeline{3}, Lsn{0x4000000}}), Divergence::None);
}

TEST(Histories, AStandbyThatReplayedMoreThanTheSourceKeptHasDiverged) {
  EXPECT_EQ(verdict({Kind::Standby, Timeline{3}, Lsn{0x5000061}}), Divergence::Diverged);
}

TEST(Histories, AFormerPrimaryCanFollowOnlyIfItsShutdownCheckpointArrivedWhole) {
  EXPECT_EQ(verdict({Kind::ShutDownPrimary, Timeline{3}, Lsn{0x5000060}}), Divergence::None);
  EXPECT_EQ(verdict({Kind::ShutDownPrimary, Timeline{3}, Lsn{0x50000D8}}), Divergence::Diverged);
  EXPECT_EQ(verdict({Kind::ShutDownPrimary, Timeline{3}, Lsn{0x4FFFFF8}}), Divergence::Diverged);
}

TEST(Histories, ACrashedPrimaryOnAnOlderTimelineHasDivergedWhereverItsCheckpointLies) {
  EXPECT_EQ(verdict({Kind::OpenPrimary, Timeline{3}, Lsn{0x4000000}}), Divergence::Diverged);
}

TEST(Histories, ABackupOfAnOlderTimelineCanFollowIfItEndsBeforeTheSwitch) {
  EXPECT_EQ(verdict({Kind::Backup, Timeline{1}, Lsn{0x2000060}}), Divergence::None);
  EXPECT_EQ(verdict({Kind::Backup, Timeline{3}, Lsn{0x5000000}}), Divergence::None);
  const auto beyond =
      compare_histories({Kind::Backup, Timeline{3}, Lsn{0x6000000}}, Timeline{4}, kHistory);
  EXPECT_EQ(beyond.verdict, Divergence::Diverged);
  EXPECT_EQ(beyond.detail,
            "timeline 3 ends at 0/5000060 there; the backup here, with the WAL in it, may go on to "
            "0/6000000");
}

TEST(Histories, TheSameTimelineNeedsNothing) {
  EXPECT_EQ(verdict({Kind::OpenPrimary, Timeline{4}, Lsn{0x6000000}}), Divergence::None);
}

TEST(Histories, ATimelineThatTheSourceNeverHadHasDiverged) {
  EXPECT_EQ(verdict({Kind::Standby, Timeline{2}, Lsn{0x2000000}}), Divergence::Diverged);
  EXPECT_EQ(verdict({Kind::Standby, Timeline{5}, Lsn{0x2000000}}), Divergence::Diverged);
}

TEST(Histories, WithoutALocalPositionNothingIsSaid) {
  EXPECT_EQ(verdict({Kind::Standby, Timeline{3}, Lsn{}}), Divergence::Unknown);
}

TEST(Histories, TheDetailSaysHowMuchIsLost) {
  const auto said =
      compare_histories({Kind::Standby, Timeline{3}, Lsn{0x50001A8}}, Timeline{4}, kHistory);
  EXPECT_EQ(said.detail,
            "timeline 3 ends at 0/5000060 there, local WAL goes to 0/50001A8 (328 bytes more)");
}

TEST(HistoryFile, IsReadWithItsReasonsAndComments) {
  const auto rows = parse_history_file(
      "# a comment\n1\t0/3000000\tno recovery target specified\n\n3\t0/5000060\tbefore "
      "2000-01-01\n");
  ASSERT_TRUE(rows) << rows.error();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(1).parent, Timeline{3});
  EXPECT_EQ(rows->at(1).switched_at, Lsn{0x5000060});
  EXPECT_EQ(rows->at(0).reason, "no recovery target specified");
}

TEST(HistoryFile, ThatIsUnreadableIsNotTakenForAnEmptyOne) {
  EXPECT_FALSE(parse_history_file("1 here\n"));
  EXPECT_FALSE(parse_history_file("3\t0/3000000\tx\n1\t0/4000000\ty\n"));
}

TEST(BackupLabel, SaysOnWhichTimelineAndWhereACopyBegins) {
  const auto start = parse_backup_label(
      "START WAL LOCATION: 0/3000028 (file 000000010000000000000003)\n"
      "CHECKPOINT LOCATION: 0/3000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n"
      "START TIME: 2026-11-29 10:38:59 UTC\nLABEL: pgBackRest backup\nSTART TIMELINE: 1\n");
  ASSERT_TRUE(start);
  EXPECT_EQ(start->timeline, Timeline{1});
  EXPECT_EQ(start->checkpoint, Lsn{0x3000060});
}

TEST(BackupLabel, WithoutEitherSaysNothing) {
  EXPECT_FALSE(parse_backup_label(""));
  EXPECT_FALSE(parse_backup_label("START TIMELINE: 1\nLABEL: CHECKPOINT LOCATION: 0/3000060\n"));
  EXPECT_FALSE(parse_backup_label("CHECKPOINT LOCATION: 0/3000060\nSTART TIMELINE: one\n"));
}

}  // namespace
}  // namespace pgherd
