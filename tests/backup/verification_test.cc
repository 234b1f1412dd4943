#include "backup/verification.h"

#include <gtest/gtest.h>

namespace pgherd::backup::test {
namespace {

using Sentences = std::vector<std::string>;

// As pgBackRest 2.55.1 printed them.
constexpr const char* kGood =
    "stanza: main\n"
    "status: ok\n"
    "  archiveId: 17-1, total WAL checked: 4, total valid WAL: 4\n"
    "    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n"
    "  backup: 20261130-100046F, status: valid, total files checked: 966, total valid files: 966\n"
    "    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n";
constexpr const char* kBad =
    "stanza: main\n"
    "status: error\n"
    "  archiveId: 17-1, total WAL checked: 3, total valid WAL: 2\n"
    "    missing: 0, checksum invalid: 0, size invalid: 1, other: 0\n"
    "  backup: 20261130-100046F, status: invalid, total files checked: 966, total valid files: "
    "964\n"
    "    missing: 1, checksum invalid: 1, size invalid: 0, other: 0\n";

TEST(Verification, OfAGoodRepositoryFindsNothing) {
  const Verification found = read_verification(kGood, "INFO: verify command begin 2.55.1\n");
  EXPECT_EQ(found.findings, Sentences{});
  EXPECT_EQ(found.checked, (Sentences{"archive 17-1: 4 of 4 files are valid",
                                      "backup 20261130-100046F: 966 of 966 files are valid"}));
}

TEST(Verification, NamesWhatIsDamagedAndEachFile) {
  const Verification found =
      read_verification(kBad,
                        "INFO: invalid checksum '20261130-100046F/pg_data/base/1/2838.gz'\n"
                        "INFO: file missing '20261130-100046F/pg_data/base/5/2838.gz'\n"
                        "WARN: duplicate WAL\n");
  EXPECT_EQ(found.findings,
            (Sentences{"archive 17-1 is damaged (size invalid: 1)",
                       "backup 20261130-100046F is invalid (missing: 1, checksum invalid: 1)",
                       "invalid checksum '20261130-100046F/pg_data/base/1/2838.gz'",
                       "file missing '20261130-100046F/pg_data/base/5/2838.gz'"}));
  EXPECT_EQ(found.remarks, Sentences{"duplicate WAL"});
}

TEST(Verification, TakesOtherLinesOfTheReportForFindings) {
  const Verification found = read_verification(
      "stanza: main\nstatus: error\n  No usable backup.info file\n  No usable archive.info file\n",
      "");
  EXPECT_EQ(found.findings,
            (Sentences{"No usable backup.info file", "No usable archive.info file"}));
}

TEST(Verification, WithoutAVerdictIsNoGoodOne) {
  EXPECT_EQ(read_verification("", "").findings,
            Sentences{"pgbackrest verify did not come to a verdict"});
  EXPECT_EQ(read_verification("stanza: main\nstatus: error\n", "").findings,
            Sentences{"pgbackrest verify says: error"});
}

TEST(Verification, OfABackupThatIsUnderWayFindsNothing) {
  const Verification found = read_verification(
      "stanza: main\nstatus: ok\n"
      "  backup: 20261130-100046F, status: in-progress, total files checked: 0, total valid files: "
      "0\n    missing: 0, checksum invalid: 0, size invalid: 0, other: 0\n",
      "");
  EXPECT_EQ(found.findings, Sentences{});
}

}  // namespace
}  // namespace pgherd::backup::test
