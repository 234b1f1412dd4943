#include "postgres/local/wal_record.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "postgres/local_machine.h"

namespace pgherd {
namespace {

constexpr std::uint32_t kSegment = 16U << 20U;

TEST(WalRecord, EndsOnTheNextMultipleOfEight) {
  EXPECT_EQ(end_of_record(Lsn{0x5000028}, 114, kSegment), Lsn{0x5000028 + 120});
}

TEST(WalRecord, ThatFillsItsPageEndsAtThePageWithoutAHeader) {
  EXPECT_EQ(end_of_record(Lsn{0x5001F80}, 128, kSegment), Lsn{0x5002000});
}

TEST(WalRecord, ThatCrossesAPageCountsThePageHeader) {
  // 8 bytes before the end of the page, 106 after its 24-byte header.
  EXPECT_EQ(end_of_record(Lsn{0x5001FF8}, 114, kSegment), Lsn{0x5002000 + 24 + 112});
}

TEST(WalRecord, ThatCrossesASegmentCountsTheLongHeader) {
  EXPECT_EQ(end_of_record(Lsn{0x5FFFFF8}, 114, kSegment), Lsn{0x6000000 + 40 + 112});
}

TEST(WalRecord, SegmentNamesCountSegmentsInFourGigabytes) {
  EXPECT_EQ(wal_segment_name(Timeline{3}, Lsn{0xAFF000028}, kSegment), "000000030000000A000000FF");
  EXPECT_EQ(wal_segment_name(Timeline{1}, Lsn{0x100000000 + 0x300000}, 1U << 20U),
            "000000010000000100000003");
}

TEST(WalRecord, AMissingSegmentIsToldApartFromAnUnreadableOne) {
  const auto end = end_of_shutdown_checkpoint("/nowhere", Timeline{1}, Lsn{0x1000028}, kSegment);
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error().is_missing);
}

TEST(WalRecord, TheLastSegmentIsTheTimelinesOwn) {
  const test::TemporaryDirectory root;
  EXPECT_FALSE(end_of_last_segment(root.path(), Timeline{1}, kSegment));
  std::filesystem::create_directories(root.path() + "/pg_wal/archive_status");
  EXPECT_FALSE(end_of_last_segment(root.path(), Timeline{1}, kSegment));
  for (const char* name :
       {"000000010000000000000003", "000000010000000100000000", "0000000100000001000000F0.partial",
        "00000002.history", "000000020000000300000000"})
    std::ofstream(root.path() + "/pg_wal/" + name) << "x";
  EXPECT_EQ(end_of_last_segment(root.path(), Timeline{1}, kSegment), Lsn{0x101000000});
  EXPECT_EQ(end_of_last_segment(root.path(), Timeline{2}, kSegment), Lsn{0x301000000});
}

}  // namespace
}  // namespace pgherd
