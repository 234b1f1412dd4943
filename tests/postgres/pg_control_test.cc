#include "postgres/local/pg_control.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>

#include "postgres/local_machine.h"
#include "runtime/files.h"

namespace pgherd {
namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string text;
  std::array<char, 4096> piece{};
  while (const std::size_t got = ::fread(piece.data(), 1, piece.size(), pipe.get()))
    text.append(piece.data(), got);
  return text;
}

// "Database system identifier:   7..." -> name and value.
std::map<std::string, std::string> controldata_of(const std::string& bin_dir,
                                                  const std::string& data_dir) {
  std::map<std::string, std::string> values;
  std::string text = output_of("LC_ALL=C " + bin_dir + "/pg_controldata -D " + data_dir);
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string line = text.substr(0, end);
    text = end == std::string::npos ? "" : text.substr(end + 1);
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const auto start = line.find_first_not_of(' ', colon + 1);
    values[line.substr(0, colon)] = start == std::string::npos ? "" : line.substr(start);
  }
  return values;
}

class PgControlOf : public testing::TestWithParam<int> {};

TEST_P(PgControlOf, SaysWhatPgControldataSays) {
  const std::string bin_dir = test::bin_dir_of(GetParam());
  if (bin_dir.empty()) GTEST_SKIP() << "PostgreSQL " << GetParam() << " is not installed";
  const test::TemporaryDirectory root;
  const std::string data_dir = root.path() + "/data";
  output_of(bin_dir + "/initdb --no-sync --wal-segsize=1 --data-checksums -D " + data_dir +
            " 2>&1");
  auto said = controldata_of(bin_dir, data_dir);
  const auto read = read_pg_control(data_dir);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(said["Database system identifier"], read->data.system_id);
  EXPECT_EQ(said["Database cluster state"], "shut down");
  EXPECT_EQ(read->data.state, ControlState::ShutDown);
  EXPECT_EQ(said["Latest checkpoint location"], to_string(read->data.checkpoint));
  EXPECT_EQ(said["Latest checkpoint's REDO location"], to_string(read->redo));
  EXPECT_EQ(said["Latest checkpoint's TimeLineID"], std::to_string(read->data.timeline.value));
  EXPECT_EQ(said["Minimum recovery ending location"], to_string(read->data.minimum_recovery_end));
  EXPECT_EQ(said["Bytes per WAL segment"], std::to_string(read->wal_segment_bytes));
  EXPECT_EQ(said["max_connections setting"], std::to_string(read->max_connections));
  EXPECT_EQ(said["max_worker_processes setting"], std::to_string(read->max_worker_processes));
  EXPECT_EQ(said["max_wal_senders setting"], std::to_string(read->max_wal_senders));
  EXPECT_EQ(said["max_prepared_xacts setting"], std::to_string(read->max_prepared_transactions));
  EXPECT_EQ(said["max_locks_per_xact setting"], std::to_string(read->max_locks_per_transaction));
  EXPECT_EQ(said["Data page checksum version"], "1");
  EXPECT_TRUE(read->has_checksums);
  EXPECT_EQ(said["wal_log_hints setting"], read->wal_log_hints ? "on" : "off");
}

INSTANTIATE_TEST_SUITE_P(Versions, PgControlOf, testing::Values(15, 16, 17, 18));

TEST(PgControl, ChecksumIsTheCastagnoliOne) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
}

TEST(PgControl, ThatIsCutOrAlteredIsDamagedNotRead) {
  EXPECT_EQ(parse_pg_control(std::string(100, 'x')).error().kind, PgControlErrorKind::Damaged);
  std::string bytes(8192, '\0');
  const std::uint32_t version = 1700;
  bytes.replace(8, 4, reinterpret_cast<const char*>(&version), 4);
  EXPECT_EQ(parse_pg_control(bytes).error().kind, PgControlErrorKind::Damaged);
}

TEST(PgControl, OfAnUnknownVersionSaysWhichAreKnown) {
  std::string bytes(8192, '\0');
  bytes[8] = 1;
  const auto read = parse_pg_control(bytes);
  EXPECT_EQ(read.error().kind, PgControlErrorKind::UnknownLayout);
  EXPECT_NE(read.error().text.find("1700 (17)"), std::string::npos);
}

TEST(PgControl, ThatIsNotThereIsMissing) {
  EXPECT_EQ(read_pg_control("/nowhere").error().kind, PgControlErrorKind::Missing);
}

}  // namespace
}  // namespace pgherd
