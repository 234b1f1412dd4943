#include "runtime/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace pgherd {
namespace {

struct FilesTest : testing::Test {
  FilesTest() {
    std::string pattern = testing::TempDir() + "pgherd-files-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~FilesTest() override { std::filesystem::remove_all(folder); }
  std::string folder;
};

TEST_F(FilesTest, a_written_file_has_its_content_and_its_mode_whatever_the_umask_says) {
  const mode_t before = ::umask(077);
  const auto written = write_file_atomically(folder + "/f", "text\n", 0644);
  ::umask(before);
  ASSERT_TRUE(written) << written.error().text;
  struct stat status{};
  ASSERT_EQ(::stat((folder + "/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U);
  EXPECT_EQ(read_file(folder + "/f").value(), "text\n");
}

TEST_F(FilesTest, a_failed_write_leaves_the_old_file_and_nothing_beside_it) {
  std::filesystem::create_directories(folder + "/taken/below");
  const auto written = write_file_atomically(folder + "/taken", "new");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().text.find(folder + "/taken"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder + "/taken/below"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(FilesTest, an_absent_file_is_told_apart_from_other_failures) {
  EXPECT_EQ(read_file(folder + "/none").error().code, ENOENT);
  EXPECT_NE(read_file(folder).error().code, ENOENT);
}

TEST_F(FilesTest, files_without_a_size_are_read_whole) {
  EXPECT_NE(read_file("/proc/self/stat").value().find(')'), std::string::npos);
}

}  // namespace
}  // namespace pgherd
