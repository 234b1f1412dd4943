#include "postgres/local/data_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "postgres/local_machine.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;

class DataDirectoryOnDisk : public testing::Test {
 protected:
  void make() {
    fs::create_directories(data_dir);
    ::chmod(data_dir.c_str(), 0700);
  }
  void put(const std::string& name, const std::string& text = "x") const {
    std::ofstream(data_dir + "/" + name) << text;
  }
  test::TemporaryDirectory root;
  std::string data_dir = root.path() + "/data";
};

TEST_F(DataDirectoryOnDisk, ThatIsAbsentOrEmptyIsMissing) {
  EXPECT_EQ(look_at_data_directory(data_dir).state, DataDirectory::Missing);
  make();
  EXPECT_EQ(look_at_data_directory(data_dir).state, DataDirectory::Missing);
}

TEST_F(DataDirectoryOnDisk, WithForeignFilesIsBrokenAndNotOurs) {
  make();
  put("thesis.txt");
  const DirectoryLook look = look_at_data_directory(data_dir);
  EXPECT_EQ(look.state, DataDirectory::Broken);
  EXPECT_FALSE(look.is_ours_unfinished);
  EXPECT_FALSE(remove_data_directory(data_dir));
  EXPECT_TRUE(fs::exists(data_dir + "/thesis.txt"));
}

TEST_F(DataDirectoryOnDisk, AnInterruptedCopyOfOursMayGo) {
  make();
  put("PG_VERSION", "17\n");
  ASSERT_TRUE(mark_unfinished(data_dir));
  const DirectoryLook look = look_at_data_directory(data_dir);
  EXPECT_EQ(look.state, DataDirectory::Broken);
  EXPECT_TRUE(look.is_ours_unfinished);
  ASSERT_TRUE(remove_data_directory(data_dir));
  EXPECT_EQ(look_at_data_directory(data_dir).state, DataDirectory::Missing);
}

TEST_F(DataDirectoryOnDisk, SetAsideNeverReplacesAnEarlierOne) {
  make();
  put("one");
  EXPECT_EQ(set_aside(data_dir).value(), data_dir + ".failed");
  make();
  put("two");
  EXPECT_EQ(set_aside(data_dir).value(), data_dir + ".failed.1");
  EXPECT_TRUE(fs::exists(data_dir + ".failed/one"));
  EXPECT_TRUE(fs::exists(data_dir + ".failed.1/two"));
}

TEST_F(DataDirectoryOnDisk, AnInterruptedRewindIsBrokenUntilItIsDoneOrAnotherDirectoryLiesThere) {
  make();
  put("PG_VERSION", "17\n");
  const auto is_said = [&] {
    const auto look = look_at_data_directory(data_dir);
    return look.state == DataDirectory::Broken &&
           look.problem.find("pg_rewind was interrupted") != std::string::npos;
  };
  ASSERT_TRUE(mark_rewinding(data_dir));
  EXPECT_TRUE(is_said());
  ASSERT_TRUE(mark_rewound(data_dir));
  EXPECT_FALSE(is_said());
  ASSERT_TRUE(mark_rewinding(data_dir));
  fs::rename(data_dir, data_dir + ".other");
  make();
  put("PG_VERSION", "17\n");
  EXPECT_FALSE(is_said());
}

TEST_F(DataDirectoryOnDisk, EmptyingFollowsOnlyLinksThatLookLikePostgres) {
  make();
  put("PG_VERSION", "17\n");
  const std::string wal = root.path() + "/wal";
  fs::create_directories(wal);
  std::ofstream(wal + "/000000010000000000000001") << "wal";
  fs::create_symlink(wal, data_dir + "/pg_wal");
  ASSERT_TRUE(remove_data_directory(data_dir));
  EXPECT_TRUE(fs::is_empty(wal));
  EXPECT_FALSE(fs::exists(data_dir));

  make();
  put("PG_VERSION", "17\n");
  std::ofstream(wal + "/holiday.jpg") << "beach";
  fs::create_symlink(wal, data_dir + "/pg_wal");
  EXPECT_FALSE(remove_data_directory(data_dir));
  EXPECT_TRUE(fs::exists(wal + "/holiday.jpg"));
}

TEST_F(DataDirectoryOnDisk, WhoMakesItHimselfFindsNoneWhereThereWasNone) {
  ASSERT_TRUE(make_way_to(data_dir));
  EXPECT_FALSE(fs::exists(data_dir));
  EXPECT_TRUE(fs::is_directory(fs::path(data_dir).parent_path()));

  make();
  fs::permissions(data_dir, fs::perms::all);
  ASSERT_TRUE(make_way_to(data_dir));
  EXPECT_EQ(fs::status(data_dir).permissions(), fs::perms::owner_all);
  ASSERT_TRUE(remove_data_directory(data_dir));
  EXPECT_FALSE(fs::exists(data_dir));
}

TEST_F(DataDirectoryOnDisk, InATablespaceOnlyPostgresOwnDirectoriesGo) {
  make();
  put("PG_VERSION", "17\n");
  const std::string space = root.path() + "/space";
  fs::create_directories(space + "/PG_17_202406281/5");
  std::ofstream(space + "/note") << "mine";
  fs::create_directories(data_dir + "/pg_tblspc");
  fs::create_symlink(space, data_dir + "/pg_tblspc/16400");
  ASSERT_TRUE(remove_data_directory(data_dir));
  EXPECT_FALSE(fs::exists(space + "/PG_17_202406281"));
  EXPECT_TRUE(fs::exists(space + "/note"));
}

TEST_F(DataDirectoryOnDisk, PathsThatCannotBeADataDirectoryAreRefused) {
  EXPECT_FALSE(remove_data_directory("/"));
  EXPECT_FALSE(remove_data_directory("/tmp"));
  EXPECT_FALSE(remove_data_directory("relative/path"));
}

}  // namespace
}  // namespace pgherd
