#include "postgres/local/archiving.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

constexpr const char* kSegment = "00000002000000000000001A";

TEST(ArchiveCommand, IsMadeForOneSegmentAsTheServerMakesIt) {
  EXPECT_EQ(archive_command_for("cp %p /archive/%f", kSegment),
            "cp pg_wal/00000002000000000000001A /archive/00000002000000000000001A");
  EXPECT_EQ(archive_command_for("tool --progress=100%% %p", kSegment),
            "tool --progress=100% pg_wal/00000002000000000000001A");
  EXPECT_EQ(archive_command_for("date +%Y; cp %p /x%", kSegment),
            "date +%Y; cp pg_wal/00000002000000000000001A /x%");
}

}  // namespace
}  // namespace pgherd
