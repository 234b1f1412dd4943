// patroni.dynamic.json: what an agent without the store knows of the cluster's settings.
#include "daemon/dynamic_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace pgherd {
namespace {

class DynamicCache : public ::testing::Test {
 public:
  DynamicCache() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pgherd-cache-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }
  ~DynamicCache() override { std::filesystem::remove_all(dir_); }

 protected:
  [[nodiscard]] std::string file() const { return dir_ + "/patroni.dynamic.json"; }
  void put(const std::string& path, const std::string& text) const { std::ofstream(path) << text; }
  void hold_a_cluster() const { put(dir_ + "/PG_VERSION", "17\n"); }

  std::string dir_;
};

TEST_F(DynamicCache, IsReadAsItWasWritten) {
  hold_a_cluster();
  EXPECT_EQ(write_dynamic_cache(dir_, R"({"ttl":21})"), "");
  EXPECT_EQ(read_dynamic_cache(dir_), R"({"ttl":21})");
  struct ::stat seen = {};
  ASSERT_EQ(::stat(file().c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777U, 0600U) << "it may hold passwords of a remote primary";
}

TEST_F(DynamicCache, MakesNothingWhereNoClusterIs) {
  // initdb and pg_basebackup refuse a directory that is not empty.
  EXPECT_EQ(write_dynamic_cache(dir_, R"({"ttl":21})"), "");
  EXPECT_FALSE(std::filesystem::exists(file()));
  EXPECT_EQ(read_dynamic_cache(dir_), std::nullopt);
}

TEST_F(DynamicCache, IsNothingWhenItCannotBeRead) {
  hold_a_cluster();
  for (const std::string text : {"", "{\"ttl\":", "[]"}) {
    put(file(), text);
    EXPECT_EQ(read_dynamic_cache(dir_), std::nullopt) << text;
  }
}

TEST_F(DynamicCache, SaysWhyItCannotBeWritten) {
  hold_a_cluster();
  std::filesystem::create_directories(file() + "/in_the_way");
  EXPECT_NE(write_dynamic_cache(dir_, R"({"ttl":21})"), "");
}

}  // namespace
}  // namespace pgherd
