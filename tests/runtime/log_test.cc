#include "runtime/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <thread>

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

TEST_F(LogTest, a_line_has_the_form_that_is_asked_for) {
  config.form = {
      {.field = LogField::Levelname, .text = "levelname", .is_left_aligned = true, .width = 8},
      {.text = "|"},
      {.field = LogField::Levelno,
       .text = "levelno",
       .has_leading_zeros = true,
       .width = 4,
       .conversion = 'd'},
      {.text = "|"},
      {.field = LogField::Asctime, .text = "asctime"},
      {.text = "|"},
      {.field = LogField::Name, .text = "name"},
      {.text = "|"},
      {.field = LogField::Module, .text = "module", .precision = 3},
      {.text = "|"},
      {.field = LogField::FuncName, .text = "funcName"},
      {.text = "|"},
      {.field = LogField::Process, .text = "process"},
      {.text = "|"},
      {.field = LogField::Msecs, .text = "msecs", .precision = 1, .conversion = 'f'},
      {.text = "|"},
      {.field = LogField::Message, .text = "message"}};
  config.date_format = "at %H";
  configure_log(config);
  log_info("hello {}", 1);
  const std::regex expected(
      "INFO    \\|0020\\|at \\d\\d\\|pgherd[.a-z_]*log_test\\|log\\|TestBody\\|" +
      std::to_string(::getpid()) + "\\|\\d{1,3}\\.0\\|hello 1\n");
  const std::string text = written();
  EXPECT_TRUE(std::regex_match(text, expected)) << text;
}

TEST_F(LogTest, json_has_the_fields_that_are_asked_for_as_what_they_are) {
  config.as_json = true;
  config.form = {{.field = LogField::Message, .text = "message"},
                 {.field = LogField::Levelno, .text = "severity"},
                 {.field = LogField::TaskName, .text = "taskName"}};
  config.static_fields = {{"app", "\"x\""}, {"shard", "7"}};
  configure_log(config);
  log_line(LogLevel::Error, "no", {{"rule", "r"}});
  EXPECT_EQ(written(),
            "{\"message\": \"no\", \"severity\": 40, \"taskName\": null, \"app\": \"x\", "
            "\"shard\": 7, \"rule\": \"r\"}\n");
}

TEST_F(LogTest, a_part_of_the_program_may_have_a_level_of_its_own) {
  config.loggers = {
      {"pgherd.rest", "DEBUG"}, {"pgherd.rest.server", "ERROR"}, {"pgherd.rout", "DEBUG"}};
  configure_log(config);
  const LogPlace rest{.file = "../../src/rest/connection.cc", .function = "f", .line = 1};
  const LogPlace server{.file = "/build/src/rest/server.cc", .function = "f", .line = 1};
  const LogPlace router{.file = "src/router/router.cc", .function = "f", .line = 1};
  EXPECT_TRUE(log_is_on(LogLevel::Debug, rest));
  EXPECT_FALSE(log_is_on(LogLevel::Warning, server));
  EXPECT_TRUE(log_is_on(LogLevel::Error, server));
  EXPECT_FALSE(log_is_on(LogLevel::Debug, router)) << "a part of a name is no name";
  log_debug("from here");
  log_line(LogLevel::Debug, "from there", {}, rest);
  const std::string text = written();
  EXPECT_EQ(text.find("from here"), std::string::npos);
  EXPECT_NE(text.find("DEBUG: from there"), std::string::npos);
}

TEST_F(LogTest, the_place_of_a_line_is_its_callers) {
  config.form = {{.field = LogField::Module, .text = "module"}};
  config.loggers = {{"pgherd.runtime.log", "ERROR"}};
  configure_log(config);
  EXPECT_TRUE(log_is_on(LogLevel::Info));
  log_line(LogLevel::Info, "x");
  EXPECT_EQ(written(), "log_test\n");
}

TEST_F(LogTest, the_file_has_the_mode_that_is_asked_for_also_after_a_rotation) {
  config.file_mode = 0604;
  config.file_size_bytes = 60;
  configure_log(config);
  log_info("a line");
  log_info("another line, for which there is no room in the first file");
  flush_log();
  for (const char* name : {"/patroni.log", "/patroni.log.1"}) {
    const auto mode = std::filesystem::status(config.dir + name).permissions();
    EXPECT_EQ(static_cast<unsigned>(mode) & 0777U, 0604U) << name;
  }
}

TEST_F(LogTest, what_does_not_fit_the_queue_is_counted_and_reported) {
  // A pipe that nobody reads: the first line fills it, the writer waits.
  const std::string pipe = config.dir + "/patroni.log";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const int size = ::fcntl(reader, F_SETPIPE_SZ, 4096);
  ASSERT_GT(size, 0);
  config.lines_waiting_max = 2;
  config.file_size_bytes = 1U << 30U;
  config.form = {{.field = LogField::Message, .text = "message"}};
  configure_log(config);
  log_info("{}", std::string(static_cast<std::size_t>(size) + 100, 'x'));
  log_info("fits");
  log_info("lost");
  log_info("lost");
  EXPECT_EQ(log_backlog().waiting, 2U);
  EXPECT_EQ(log_backlog().lost, 2U);
  std::string seen;
  std::array<char, 8192> bytes{};
  const auto read_until = [&](const std::string& words) {
    while (seen.find(words) == std::string::npos) {
      pollfd ready{.fd = reader, .events = POLLIN, .revents = 0};
      ASSERT_GE(::poll(&ready, 1, -1), 0);
      const ssize_t got = ::read(reader, bytes.data(), bytes.size());
      if (got > 0) seen.append(bytes.data(), static_cast<std::size_t>(got));
    }
  };
  read_until("fits\n");
  while (log_backlog().waiting > 0)
    std::this_thread::yield();
  log_info("again");
  read_until("2 log lines were lost");
  EXPECT_EQ(log_backlog().lost, 0U);
  EXPECT_EQ(seen.find("lost\nlost"), std::string::npos);
  flush_log();
  ::close(reader);
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
