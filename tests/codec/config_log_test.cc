// The section `log`: what a file or a variable says becomes the form of the lines.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "codec/config.h"
#include "codec/log_format.h"

namespace pgherd {
namespace {

class LogSection : public ::testing::Test {
 public:
  LogSection() {
    std::string pattern = ::testing::TempDir() + "pgherd_log_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~LogSection() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  LogConfig log_of(const std::string& section,
                   const std::map<std::string, std::string>& environment = {}) {
    const std::filesystem::path file = folder_ / "agent.yml";
    std::ofstream(file) << "scope: s\nlog: " << section << "\n";
    const LoadedConfig loaded = load_config(file.string(), environment, ConfigUse::Ctl);
    warnings = loaded.warnings;
    return loaded.config.log;
  }
  std::string problem_of(const std::string& section) {
    try {
      (void)log_of(section);
      return "accepted";
    } catch (const ConfigError& problem) {
      EXPECT_TRUE(problem.key().starts_with("log.")) << problem.key();
      return problem.what();
    }
  }
  static bool says(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
  }

  std::vector<std::string> warnings;
  std::filesystem::path folder_;
};

TEST_F(LogSection, AFormatIsTakenApartAsPythonDoes) {
  const LogConfig log =
      log_of("{format: '%(asctime)s [%(levelname)-8s] %(msecs)03d %(name).3s 100%% %(message)s'}");
  const std::vector<LogPiece> expected = {
      {.field = LogField::Asctime, .text = "asctime"},
      {.text = " ["},
      {.field = LogField::Levelname, .text = "levelname", .is_left_aligned = true, .width = 8},
      {.text = "] "},
      {.field = LogField::Msecs,
       .text = "msecs",
       .has_leading_zeros = true,
       .width = 3,
       .conversion = 'd'},
      {.text = " "},
      {.field = LogField::Name, .text = "name", .precision = 3},
      {.text = " 100% "},
      {.field = LogField::Message, .text = "message"}};
  EXPECT_EQ(log.form, expected);
  EXPECT_EQ(log_of("{level: INFO}").form, default_log_form());
}

TEST_F(LogSection, WhatCannotBeALineIsRefusedWithTheNearestRightName) {
  EXPECT_TRUE(says(problem_of("{format: '%(mesage)s'}"), "did you mean %(message)?"));
  EXPECT_TRUE(says(problem_of("{format: plain words}"), "there is no %(message)s in it"));
  EXPECT_TRUE(says(problem_of("{format: '%(levelname)d %(message)s'}"), "it is a text"));
  EXPECT_TRUE(says(problem_of("{format: '50% %(message)s'}"), "is doubled: %%"));
  EXPECT_TRUE(says(problem_of("{format: '%(message'}"), "is doubled: %%"));
  EXPECT_TRUE(says(problem_of("{mode: 01000}"), "up to 0777"));
  EXPECT_TRUE(says(problem_of("{mode: rw}"), "up to 0777"));
  EXPECT_TRUE(says(problem_of("{max_queue_size: -1}"), "log.max_queue_size"));
  EXPECT_TRUE(says(problem_of("{loggers: {patroni: LOUD}}"), "log.loggers.patroni"));
}

TEST_F(LogSection, JsonHasItsFieldsInOrderUnderTheNamesThatAreAskedFor) {
  const LogConfig log = log_of(
      "{type: json, format: [message, module, {asctime: '@timestamp', levelname: level}], "
      "static_fields: {app: patroni, shard: 7, on: [1]}}");
  EXPECT_TRUE(log.as_json);
  const std::vector<LogPiece> expected = {{.field = LogField::Message, .text = "message"},
                                          {.field = LogField::Module, .text = "module"},
                                          {.field = LogField::Asctime, .text = "@timestamp"},
                                          {.field = LogField::Levelname, .text = "level"}};
  EXPECT_EQ(log.form, expected);
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"app", "\"patroni\""}, {"shard", "7"}, {"on", "[1]"}};
  EXPECT_EQ(log.static_fields, fields);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(LogSection, AListIsForJsonAndWhatNoLineHasIsNull) {
  EXPECT_EQ(log_of("{format: [message]}").form, default_log_form());
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(says(warnings.front(), "which log.type: json asks for"));
  EXPECT_EQ(log_of("{type: json, format: [message, hostname]}").form.at(1).field,
            LogField::Unknown);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(says(warnings.front(), "no line has a hostname, it is null"));
}

TEST_F(LogSection, PatronisLoggersAreTheOnesOfTheSamePartHere) {
  const LogConfig log = log_of(
      "{loggers: {patroni.api: ERROR, patroni.postgresql.rewind: DEBUG, pgherd.daemon: INFO, "
      "urllib3: DEBUG, etcd.client: WARNING}}");
  const std::map<std::string, std::string> expected = {{"pgherd.daemon", "INFO"},
                                                       {"pgherd.postgres.local.archiving", "DEBUG"},
                                                       {"pgherd.postgres.local.rewinding", "DEBUG"},
                                                       {"pgherd.rest", "ERROR"}};
  EXPECT_EQ(log.loggers, expected);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings.front(),
            "log.loggers: nothing is logged under the name of urllib3, etcd.client");
}

TEST_F(LogSection, EveryKeyHasItsVariable) {
  const LogConfig log = log_of("{}", {{"PATRONI_LOG_FORMAT", "%(message)s"},
                                      {"PATRONI_LOG_DATEFORMAT", "%H"},
                                      {"PATRONI_LOG_MODE", "0640"},
                                      {"PATRONI_LOG_MAX_QUEUE_SIZE", "5"},
                                      {"PATRONI_LOG_LOGGERS", "patroni.api: DEBUG"},
                                      {"PATRONI_LOG_DEDUPLICATE_HEARTBEAT_LOGS", "true"}});
  EXPECT_EQ(log.form.size(), 1U);
  EXPECT_EQ(log.date_format, "%H");
  EXPECT_EQ(log.file_mode, 0640U);
  EXPECT_EQ(log.lines_waiting_max, 5U);
  EXPECT_EQ(log.loggers.at("pgherd.rest"), "DEBUG");
  EXPECT_TRUE(log.says_heartbeats_once);

  const LogConfig json = log_of("{}", {{"PATRONI_LOG_TYPE", "json"},
                                       {"PATRONI_LOG_FORMAT", "message, levelname: level"},
                                       {"PATRONI_LOG_STATIC_FIELDS", "{app: patroni}"}});
  ASSERT_EQ(json.form.size(), 2U);
  EXPECT_EQ(json.form[1].text, "level");
  EXPECT_EQ(json.static_fields.at(0).second, "\"patroni\"");
  EXPECT_EQ(log_of("{}", {{"PATRONI_LOG_DATEFMT", "%M"}}).date_format, "%M");
}

TEST_F(LogSection, TheFormOfAVariableIsAListInEveryStyleOfYaml) {
  for (const char* said : {"message, levelname: level", " [message, levelname: level]",
                           "- message\n- levelname: level\n", "\n- message\n- levelname: level"}) {
    const LogConfig log =
        log_of("{}", {{"PATRONI_LOG_TYPE", "json"}, {"PATRONI_LOG_FORMAT", said}});
    ASSERT_EQ(log.form.size(), 2U) << said;
    EXPECT_EQ(log.form[0].text, "message") << said;
    EXPECT_EQ(log.form[1].text, "level") << said;
  }
}

}  // namespace
}  // namespace pgherd
