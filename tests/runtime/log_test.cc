#include "runtime/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <regex>

#include "runtime/files.h"

namespace pgherd {
namespace {

struct LogTest : testing::Test {
  LogTest() {
    std::string pattern = testing::TempDir() + "pgherd-log-XXXXXX";
    config.dir = ::mkdtemp(pattern.data());
  }
  ~LogTest() override {
    flush_log();
    configure_log(LogConfig{});
    flush_log();
    std::filesystem::remove_all(config.dir);
  }
  std::string written() {
    flush_log();
    return read_file(config.dir + "/patroni.log").value();
  }
  LogConfig config;
};

TEST_F(LogTest, lines_begin_as_readers_of_patronis_log_expect) {
  configure_log(config);
  log_info("Lock owner: {}; I am {}", "a", "b");
  log_critical("the {}th", 5);
  log_debug("not shown at INFO");
  const std::regex expected(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO: Lock owner: a; I am b\n)"
                            R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} CRITICAL: the 5th\n)");
  const std::string text = written();
  EXPECT_TRUE(std::regex_match(text, expected)) << text;
}

TEST_F(LogTest, json_lines_carry_facts_as_members_and_escape_what_must_be) {
  config.as_json = true;
  configure_log(config);
  log_line(LogLevel::Warning, "say \"no\"\n\x01", {{"rule", "lease.demote"}});
  const std::string text = written();
  EXPECT_NE(text.find(R"("levelname": "WARNING", "message": "say \"no\"\n\u0001", )"
                      R"("rule": "lease.demote"})"),
            std::string::npos)
      << text;
}

TEST_F(LogTest, a_full_file_is_rotated) {
  config.file_size_bytes = 1000;
  config.file_num = 2;
  configure_log(config);
  for (int i = 0; i < 100; ++i)
    log_info("line {}", i);
  EXPECT_NE(written().find("line 99\n"), std::string::npos);
  EXPECT_LE(std::filesystem::file_size(config.dir + "/patroni.log"), 1000U);
  EXPECT_NE(read_file(config.dir + "/patroni.log.1").value().find("line 60"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(config.dir + "/patroni.log.2"));
  EXPECT_FALSE(std::filesystem::exists(config.dir + "/patroni.log.3"));
}

TEST_F(LogTest, a_setting_that_cannot_be_used_leaves_the_log_as_it_was) {
  configure_log(config);
  LogConfig bad = config;
  bad.dir = "/nonexistent/folder/for/logs";
  EXPECT_THROW(configure_log(bad), std::runtime_error);
  bad = config;
  bad.level = "LOUD";
  EXPECT_THROW(configure_log(bad), std::invalid_argument);
  log_info("still here");
  EXPECT_NE(written().find("still here"), std::string::npos);
}

TEST(LogLevels, patronis_synonyms_are_understood) {
  EXPECT_EQ(log_level_from("warn"), LogLevel::Warning);
  EXPECT_EQ(log_level_from("FATAL"), LogLevel::Critical);
}

}  // namespace
}  // namespace pgherd
