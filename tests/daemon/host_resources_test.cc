#include "daemon/host_resources.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

namespace pgherd {
namespace {

class HostResourcesOf : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "pgherd-host-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  std::string root_;
};

TEST_F(HostResourcesOf, AKernelAreItsSettings) {
  write("/proc/sys/vm/overcommit_memory", "2\n");
  write("/proc/sys/vm/swappiness", "60\n");
  write("/proc/sys/vm/nr_hugepages", "0\n");
  write("/proc/sys/vm/zone_reclaim_mode", "0\n");
  write("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  const HostResources host = read_host_resources(root_);
  EXPECT_EQ(host.kernel, (std::map<std::string, std::int64_t>{{"transparent_hugepage", 1},
                                                              {"vm.nr_hugepages", 0},
                                                              {"vm.overcommit_memory", 2},
                                                              {"vm.swappiness", 60},
                                                              {"vm.zone_reclaim_mode", 0}}));
}

TEST_F(HostResourcesOf, WhatIsNotThereOrNoNumberIsLeftOut) {
  write("/proc/sys/vm/swappiness", "none\n");
  write("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise never\n");
  EXPECT_TRUE(read_host_resources(root_).kernel.empty());
}

TEST_F(HostResourcesOf, TheLimitIsThatInForce) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(read_host_resources(root_).open_files_limit, static_cast<std::int64_t>(limit.rlim_cur));
}

TEST(HostMetrics, HaveALineForEachSetting) {
  const std::string text = host_metrics(
      {.open_files_limit = 1024, .kernel = {{"vm.swappiness", 60}}}, R"(scope="main",name="db1")");
  EXPECT_NE(text.find("\npgherd_open_files_limit{scope=\"main\",name=\"db1\"} 1024\n"), text.npos);
  EXPECT_NE(text.find("\npgherd_kernel_setting{scope=\"main\",name=\"db1\","
                      "setting=\"vm.swappiness\"} 60\n"),
            text.npos);
}

}  // namespace
}  // namespace pgherd
