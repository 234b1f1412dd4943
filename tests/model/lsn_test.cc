#include "model/lsn.h"

#include <gtest/gtest.h>

#include "base/dice.h"

namespace pgherd {
namespace {

TEST(Lsn, PrintsAsPostgresqlDoes) {
  EXPECT_EQ(to_string(Lsn{}), "0/0");
  EXPECT_EQ(to_string(Lsn{83886432}), "0/5000160");
  EXPECT_EQ(to_string(Lsn{0x16B374D848ULL}), "16/B374D848");
  EXPECT_EQ(to_string(Lsn{UINT64_MAX}), "FFFFFFFF/FFFFFFFF");
  // The low half is not padded.
  EXPECT_EQ(to_string(Lsn{0x100000001ULL}), "1/1");
}

TEST(Lsn, ReadsWhatPostgresqlPrints) {
  EXPECT_EQ(parse_lsn("16/B374D848"), Lsn{0x16B374D848ULL});
  EXPECT_EQ(parse_lsn("16/b374d848"), Lsn{0x16B374D848ULL});
  EXPECT_EQ(parse_lsn("0/0"), Lsn{});
  EXPECT_EQ(parse_lsn("00000001/00000001"), Lsn{0x100000001ULL});
}

TEST(Lsn, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "0", "0/", "/0", "0/0/0", " 0/0", "0/0 ", "0/0\n", "+0/0",
                           "-1/0", "0x1/0", "0/G", "123456789/0", "0/123456789", "0\\0", "0 /0"}) {
    EXPECT_EQ(parse_lsn(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(Lsn, IsTheSameAfterPrintingAndReading) {
  Dice dice(11);
  for (int i = 0; i < 1000; ++i) {
    const Lsn lsn{dice.next() >> static_cast<unsigned>(dice.between(0, 63))};
    EXPECT_EQ(parse_lsn(to_string(lsn)), lsn);
  }
}

TEST(Lsn, LagOfWhoIsAheadIsZero) {
  EXPECT_EQ(lag_bytes(Lsn{100}, Lsn{40}), 60U);
  EXPECT_EQ(lag_bytes(Lsn{40}, Lsn{100}), 0U);
  EXPECT_EQ(lag_bytes(Lsn{UINT64_MAX}, Lsn{0}), UINT64_MAX);
}

}  // namespace
}  // namespace pgherd
