#include "daemon/archive_backlog.h"

#include <gtest/gtest.h>
#include <sys/time.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pgherd {
namespace {

namespace fs = std::filesystem;

class ArchiveBacklogTest : public testing::Test {
 protected:
  ArchiveBacklogTest() {
    std::string made = "/var/tmp/pgherd-archive-XXXXXX";
    data_dir_ = ::mkdtemp(made.data());
  }
  ~ArchiveBacklogTest() override { fs::remove_all(data_dir_); }

  void mark(const std::string& name, std::int64_t epoch_seconds) {
    const fs::path path = data_dir_ / "pg_wal/archive_status" / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path).flush();
    const timeval times[2] = {{epoch_seconds, 0}, {epoch_seconds, 0}};
    ASSERT_EQ(::utimes(path.c_str(), times), 0);
  }

  fs::path data_dir_;
};

TEST_F(ArchiveBacklogTest, IsWhatIsMarkedAsReadyAndHowLong) {
  mark("000000010000000000000003.done", 1000);
  mark("000000010000000000000005.ready", 2030);
  mark("000000010000000000000004.ready", 2010);
  mark("00000002.history.ready", 2020);
  const ArchiveBacklog backlog = look_at_archive(data_dir_.string());
  EXPECT_EQ(backlog.files, 3U);
  ASSERT_TRUE(backlog.oldest);
  EXPECT_EQ(backlog.oldest->microseconds, 2010 * 1000000LL);
  const std::string text = backlog.metrics("name=\"a\"", {2057 * 1000000LL});
  EXPECT_NE(text.find("\npgherd_archive_waiting_files{name=\"a\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("\npgherd_archive_oldest_wait_seconds{name=\"a\"} 47\n"), std::string::npos);
}

TEST_F(ArchiveBacklogTest, IsNothingWhereArchivingIsOff) {
  const ArchiveBacklog backlog = look_at_archive(data_dir_.string());
  EXPECT_EQ(backlog.files, 0U);
  EXPECT_NE(backlog.metrics("name=\"a\"", {1}).find("_wait_seconds{name=\"a\"} 0\n"),
            std::string::npos);
}

}  // namespace
}  // namespace pgherd
