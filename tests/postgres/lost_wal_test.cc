// What pg_waldump's table says.
#include "postgres/local/lost_wal.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

TEST(StatisticsOfWaldump, SayHowManyTransactionsAreLost) {
  const auto lost = parse_waldump_statistics(
      "WAL statistics between 0/A000348 and 0/A031A70:\n"
      "Type                                           N      (%)          Record size      (%)\n"
      "----                                           -      ---          -----------      ---\n"
      "XLOG/CHECKPOINT_SHUTDOWN                       1 (  0.05)                  114 (  0.10)\n"
      "Transaction/ABORT                              2 (  0.10)                   68 (  0.06)\n"
      "Transaction/COMMIT                           616 ( 32.87)                20944 ( 18.51)\n"
      "Transaction/COMMIT_PREPARED                    1 (  0.05)                   34 (  0.03)\n"
      "Heap/INSERT                                  617 ( 32.92)                36403 ( 32.17)\n"
      "                                        --------                      --------\n"
      "Total                                       1237                        202536 [100%]\n");
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->from, Lsn{0xA000348});
  EXPECT_EQ(lost->to, Lsn{0xA031A70});
  EXPECT_EQ(lost->records, 1237U);
  EXPECT_EQ(lost->commits, 617U);
  EXPECT_EQ(lost->aborts, 2U);
}

TEST(StatisticsOfWaldump, AreNotMadeUp) {
  EXPECT_FALSE(parse_waldump_statistics(""));
  EXPECT_FALSE(parse_waldump_statistics("pg_waldump: error: could not find a valid record\n"));
  EXPECT_FALSE(parse_waldump_statistics("WAL statistics between here and there:\nTotal 12\n"));
}

}  // namespace
}  // namespace pgherd
