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

}  // namespace
}  // namespace pgherd
