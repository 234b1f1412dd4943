#include "backup/pgbackrest_config.h"

#include <gtest/gtest.h>

#include "backup/errors.h"

namespace pgherd::backup::test {
namespace {

using Names = std::set<std::string>;

PgbackrestConfig config_of(std::string_view text) {
  PgbackrestConfig config;
  add_config_text(config, text);
  return config;
}

std::string refusal_of(const PgbackrestConfig& config) {
  try {
    return "chose " + choose_stanza("", config, {.option = "", .environment = {}});
  } catch (const BackupError& error) {
    return error.what();
  }
}

TEST(PgbackrestConfig, HasStanzasAndTheirDataDirectories) {
  const PgbackrestConfig config = config_of(
      "# "
      "[comment]\n[global]\nrepo1-path=/var/lib/pgbackrest\n\n[global:restore]\nlog-level-console="
      "info\n[main]\npg1-path = /srv/main\npg1-port=5432\npg12-path=/srv/other\n"
      "[main:archive-push]\ncompress-level=3\n[side]\r\npg1-path=/srv/side\r\npg1-socket-path=/"
      "run\n");
  EXPECT_EQ(config.stanzas, (Names{"main", "side"}));
  EXPECT_EQ(config.data_dirs, (Names{"/srv/main", "/srv/other", "/srv/side"}));
}

TEST(Stanza, IsTheOneThatIsNamedOrTheOnlyOne) {
  const PgbackrestConfig one = config_of("[main]\npg1-path=/srv/main\n");
  const PgbackrestConfig two = config_of("[main]\n[side]\n");
  EXPECT_EQ(choose_stanza("", one, {.option = "", .environment = {}}), "main");
  EXPECT_EQ(choose_stanza("side", two, {.option = "", .environment = {}}), "side");
  EXPECT_EQ(choose_stanza("", two, {.option = "", .environment = {{"PGBACKREST_STANZA", "side"}}}),
            "side");
}

TEST(Stanza, IsNotGuessed) {
  EXPECT_EQ(refusal_of(config_of("[main]\n[side]\n")),
            "the configuration of pgBackRest has several stanzas (main, side): say which one with "
            "--stanza");
  EXPECT_EQ(refusal_of(config_of("[global]\n")).substr(0, 6), "there ");
}

TEST(PgbackrestConfig, ThatIsNamedAndNotThereIsSaid) {
  EXPECT_THROW(
      static_cast<void>(choose_stanza("", {}, {.option = "/nowhere/at.conf", .environment = {}})),
      BackupError);
  EXPECT_TRUE(config_files({.option = "/nowhere/at.conf", .environment = {}}).empty());
}

TEST(PgbackrestConfig, HasDataDirectoriesOfVariablesAsWell) {
  const auto config = read_pgbackrest_config(
      {.option = "/nowhere/at.conf", .environment = {{"PGBACKREST_PG1_PATH", "/srv/x"}}});
  EXPECT_EQ(config.data_dirs, Names{"/srv/x"});
}

}  // namespace
}  // namespace pgherd::backup::test
