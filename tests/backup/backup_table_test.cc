#include "backup/backup_table.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "backup/an_info.h"

namespace pgherd::backup::test {
namespace {

constexpr WallTime kNow{1796033000LL * 1000000};

std::string rendered(const Stanza& stanza, ctl::Format format) {
  ::setenv("TZ", "UTC", 1);
  return ctl::render(backup_table(stanza, kNow, format), format);
}

TEST(BackupTable, IsForPeople) {
  EXPECT_EQ(
      rendered(a_stanza(), ctl::Format::Pretty),
      "+ Stanza main (ok) "
      "-----------------+------+---------------------+---------------------+----------+---------+--"
      "-------------+--------------------------+--------------------------+--------+------------+\n"
      "| Label                             | Type | Start               | End                 | "
      "Duration |    Size | In repository | WAL from                 | WAL to                   | "
      "Status |        Age |\n"
      "+-----------------------------------+------+---------------------+---------------------+----"
      "------+---------+---------------+--------------------------+--------------------------+-----"
      "---+------------+\n"
      "| 20261130-100046F                  | full | 2026-11-30 10:00:46 | 2026-11-30 10:00:53 |    "
      "  7 s | 22.3 MB |        2.9 MB | 000000010000000000000002 | 000000010000000000000002 | ok  "
      "   | 2 min 27 s |\n"
      "| 20261130-100046F_20261130-100053I | incr | 2026-11-30 10:00:53 | 2026-11-30 10:00:55 |    "
      "  2 s | 22.3 MB |         403 B | 000000010000000000000003 | 000000010000000000000004 | ok  "
      "   | 2 min 25 s |\n"
      "+-----------------------------------+------+---------------------+---------------------+----"
      "------+---------+---------------+--------------------------+--------------------------+-----"
      "---+------------+\n");
}

TEST(BackupTable, OfProgramsHasBytesAndSecondsAndMomentsWithTheirZone) {
  Stanza stanza = a_stanza();
  stanza.backups.erase(stanza.backups.begin());
  stanza.backups.front().has_error = true;
  EXPECT_EQ(rendered(stanza, ctl::Format::Json),
            "[{\"Label\": \"20261130-100046F_20261130-100053I\", \"Type\": \"incr\", \"Repo\": 1, "
            "\"Start\": \"2026-11-30T10:00:53+00:00\", \"End\": \"2026-11-30T10:00:55+00:00\", "
            "\"Duration\": 2, \"Size\": 23422171, \"In repository\": 403, \"WAL from\": "
            "\"000000010000000000000003\", \"WAL to\": \"000000010000000000000004\", \"Status\": "
            "\"error\", \"Age\": 145}]\n");
  EXPECT_EQ(
      rendered(stanza, ctl::Format::Tsv),
      "Label\tType\tRepo\tStart\tEnd\tDuration\tSize\tIn repository\tWAL from\tWAL to\tStatus\t"
      "Age\n20261130-100046F_20261130-100053I\tincr\t1\t2026-11-30T10:00:53+00:00\t"
      "2026-11-30T10:00:55+00:00\t2\t23422171\t403\t000000010000000000000003\t"
      "000000010000000000000004\terror\t145\n");
}

TEST(BackupTable, TellsRepositoriesApartWhereThereAreSeveral) {
  Stanza stanza = a_stanza();
  stanza.repositories.push_back({.key = 2});
  EXPECT_NE(rendered(stanza, ctl::Format::Pretty).find("| Repo |"), std::string::npos);
}

TEST(Sizes, AreSaidInTheirUnit) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.0 kB");
  EXPECT_EQ(size_text(23422171), "22.3 MB");
  EXPECT_EQ(size_text(5LL << 40U), "5.0 TB");
}

TEST(Durations, AreSaidInTwoUnits) {
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(7500), "2 h 5 min");
  EXPECT_EQ(duration_text(277200), "3 d 5 h");
}

}  // namespace
}  // namespace pgherd::backup::test
