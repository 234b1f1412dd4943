#include "backup/scratch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "backup/errors.h"

namespace pgherd::backup::test {
namespace {

namespace fs = std::filesystem;

class ScratchTest : public testing::Test {
 protected:
  ScratchTest() {
    std::string made = "/var/tmp/pgherd-scratch-XXXXXX";
    folder_ = ::mkdtemp(made.data());
  }
  ~ScratchTest() override { fs::remove_all(folder_); }

  std::string refusal_of(const fs::path& path, const std::set<std::string>& data_dirs = {},
                         std::int64_t bytes = 0) {
    try {
      const Scratch scratch(path.string(), data_dirs, bytes);
      return "";
    } catch (const Refusal& refusal) {
      return refusal.what();
    }
  }
  static void touch(const fs::path& path) { std::ofstream(path) << "x"; }

  fs::path folder_;
};

TEST_F(ScratchTest, IsMadeForItsOwnerAloneAndGoneAfterwards) {
  const fs::path path = folder_ / "trial";
  {
    const Scratch scratch(path.string(), {}, 0);
    struct stat seen{};
    ASSERT_EQ(::stat(scratch.data().c_str(), &seen), 0);
    EXPECT_EQ(seen.st_mode & 0777U, 0700U);
    touch(scratch.data() + "/PG_VERSION");
    touch(scratch.file("postgresql.conf"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(ScratchTest, ThatWasThereStaysEmpty) {
  const fs::path path = folder_ / "trial";
  fs::create_directory(path);
  EXPECT_EQ(refusal_of(path), "");
  EXPECT_TRUE(fs::is_empty(path));
}

TEST_F(ScratchTest, IsNeverADirectoryWithSomethingInIt) {
  touch(folder_ / "precious");
  EXPECT_NE(refusal_of(folder_).find("is in use: it is not empty"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ / "precious"));
  EXPECT_NE(refusal_of(folder_ / "precious").find("is no directory"), std::string::npos);
  // The mark alone does not make it ours.
  touch(folder_ / "pgherd-restore-test");
  EXPECT_NE(refusal_of(folder_), "");
  EXPECT_TRUE(fs::exists(folder_ / "precious"));
}

TEST_F(ScratchTest, IsNeitherInsideNorAboveADataDirectory) {
  const std::set<std::string> data_dirs{(folder_ / "data").string()};
  for (const char* path : {"data", "data/trial", "data/base/trial"})
    EXPECT_NE(refusal_of(folder_ / path, data_dirs).find("inside, the data directory"),
              std::string::npos)
        << path;
  EXPECT_NE(refusal_of(folder_, data_dirs).find("lies in it"), std::string::npos);
  EXPECT_EQ(refusal_of(folder_ / "data2", data_dirs), "") << "only the name begins alike";
}

TEST_F(ScratchTest, IsNotInsideADataDirectoryThatNobodyNamed) {
  fs::create_directory(folder_ / "data");
  touch(folder_ / "data/PG_VERSION");
  EXPECT_NE(refusal_of(folder_ / "data/trial").find("inside, the data directory"),
            std::string::npos);
}

TEST_F(ScratchTest, IsFoundOutBehindSymbolicLinks) {
  fs::create_directory(folder_ / "data");
  fs::create_directory_symlink(folder_ / "data", folder_ / "link");
  const std::set<std::string> by_its_link{(folder_ / "link").string()};
  EXPECT_NE(refusal_of(folder_ / "data/trial", by_its_link), "");
  EXPECT_NE(refusal_of(folder_ / "link/trial", {(folder_ / "data").string()}), "");
}

TEST_F(ScratchTest, ThatAKilledTestLeftIsCleanedAndUsed) {
  const fs::path path = folder_ / "trial";
  fs::create_directories(path / "data/base");
  touch(path / "data/PG_VERSION");
  touch(path / "pgherd-restore-test");
  EXPECT_EQ(refusal_of(path), "");
  EXPECT_TRUE(fs::is_empty(path)) << "that one was told of a directory which was there";
  fs::create_directories(path / "data/base");
  std::ofstream(path / "pgherd-restore-test") << "made";
  EXPECT_EQ(refusal_of(path), "");
  EXPECT_FALSE(fs::exists(path)) << "that one had made it";
}

TEST_F(ScratchTest, SaysInItsMarkWhetherItWasMade) {
  const auto mark_in = [](const fs::path& path) {
    std::ifstream file(path / "pgherd-restore-test");
    std::string text;
    std::getline(file, text);
    return text;
  };
  {
    const Scratch made((folder_ / "made").string(), {}, 0);
    EXPECT_EQ(mark_in(folder_ / "made"), "made");
  }
  fs::create_directory(folder_ / "there");
  const Scratch there((folder_ / "there").string(), {}, 0);
  EXPECT_EQ(mark_in(folder_ / "there"), "");
}

TEST_F(ScratchTest, OfATestThatRunsIsLeftAlone) {
  const fs::path path = folder_ / "trial";
  const Scratch running(path.string(), {}, 0);
  touch(running.data() + "/PG_VERSION");
  EXPECT_NE(refusal_of(path).find("in use by another restore test"), std::string::npos);
  EXPECT_TRUE(fs::exists(running.data() + "/PG_VERSION"));
}

TEST_F(ScratchTest, HasRoomForTheDatabase) {
  EXPECT_NE(refusal_of(folder_ / "trial", {}, INT64_MAX).find("name a directory with more room"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "trial"));
}

TEST_F(ScratchTest, IsShortEnoughForASocket) {
  EXPECT_NE(refusal_of(folder_ / std::string(90, 'x')).find("too long for the socket"),
            std::string::npos);
}

}  // namespace
}  // namespace pgherd::backup::test
