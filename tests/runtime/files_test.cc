#include "runtime/files.h"

#include <gtest/gtest.h>
#include <sys/fsuid.h>
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

TEST_F(FilesTest, a_file_in_its_place_is_the_one_that_a_link_points_to) {
  std::filesystem::create_directory(folder + "/elsewhere");
  std::filesystem::create_symlink("elsewhere/f", folder + "/link");
  for (const char* text : {"new\n", "again\n"}) {
    ASSERT_TRUE(write_file_in_its_place(folder + "/link", text, 0600));
    EXPECT_EQ(read_file(folder + "/elsewhere/f").value(), text);
    EXPECT_TRUE(std::filesystem::is_symlink(folder + "/link"));
  }
}

// Root may write everywhere, as somebody else for the file system it may not.
class AsNobody {
 public:
  AsNobody() : before_(::setfsuid(::geteuid() == 0 ? kNobody : ::geteuid())) {}
  ~AsNobody() { ::setfsuid(static_cast<uid_t>(before_)); }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  static constexpr uid_t kNobody = 65534;

 private:
  int before_;
};

TEST_F(FilesTest, a_file_in_a_directory_that_takes_no_new_ones_is_written_where_it_is) {
  const std::string path = folder + "/f";
  ASSERT_TRUE(write_file_atomically(path, "something long\n", 0600));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path.c_str(), AsNobody::kNobody, AsNobody::kNobody), 0);
  }
  ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
  {
    const AsNobody nobody;
    ASSERT_FALSE(write_file_atomically(path, "new\n", 0600));
    EXPECT_TRUE(write_file_in_its_place(path, "new\n", 0600));
    const auto other = write_file_in_its_place(folder + "/other", "new\n", 0600);
    ASSERT_FALSE(other) << "there is no such file";
    EXPECT_EQ(other.error().code, EACCES);
  }
  EXPECT_EQ(read_file(path).value(), "new\n");
  ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
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
