#include <cstdlib>
#include <fstream>

#include "ctl/config_changes.h"
#include "ctl/errors.h"
#include "ctl/orders.h"

namespace pgherd::ctl::test {
namespace {

class EditConfig : public Orders {};

TEST_F(EditConfig, ShowsTheConfigurationAsYamlAndAnEmptyLine) {
  context.put("config", R"({"ttl":30,"postgresql":{"parameters":{"max_connections":100}}})");
  EXPECT_EQ(context.run({"show-config", "orders"}).out,
            "postgresql:\n  parameters:\n    max_connections: 100\nttl: 30\n\n");
  EXPECT_EQ(context.run({"show-config", "elsewhere"}).out, "");
}

TEST_F(EditConfig, SetsValuesAndParametersAndShowsWhatChanges) {
  const Ran ran = context.run(
      {"edit-config", "-s", "ttl=20", "orders", "-p", "max_connections=200", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "--- \n+++ \n@@ -1,3 +1,6 @@\n"
            " loop_wait: 10\n"
            "+postgresql:\n"
            "+  parameters:\n"
            "+    max_connections: 200\n"
            " retry_timeout: 10\n"
            "-ttl: 30\n"
            "+ttl: 20\n"
            "Configuration changed\n");
  EXPECT_EQ(context.value_of("config"), R"({"ttl":20,"loop_wait":10,"retry_timeout":10,)"
                                        R"("postgresql":{"parameters":{"max_connections":200}}})");
}

TEST_F(EditConfig, WarnsOfWhatTheMembersWillNotUseBeforeItAsks) {
  const Ran wrong = context.run({"edit-config", "orders", "-s", "maximum_lag_on_failover=1MB", "-s",
                                 "loop_waits=5", "--force"});
  EXPECT_EQ(wrong.exit_code, 0);
  EXPECT_NE(wrong.err.find("maximum_lag_on_failover is \"1MB\""), wrong.err.npos) << wrong.err;
  EXPECT_NE(wrong.err.find("the members know no loop_waits (did you mean loop_wait?)"),
            wrong.err.npos)
      << wrong.err;
  EXPECT_EQ(context.run({"edit-config", "orders", "-s", "ttl=20", "--force"}).err, "")
      << "what had been there before is not said again";
}

TEST_F(EditConfig, AsksAndSaysWhenNothingWasDone) {
  const Ran no = context.run({"edit-config", "orders", "-s", "ttl=20"}, "n\n");
  EXPECT_EQ(no.exit_code, 0);
  EXPECT_TRUE(no.out.ends_with("Apply these changes? [y/N]: Configuration not changed\n"));
  const Ran same = context.run({"edit-config", "orders", "-s", "ttl=30", "--force"});
  EXPECT_EQ(same.out, "Not changed\n");
  EXPECT_EQ(context.run({"edit-config", "orders", "-q", "-s", "ttl=30"}).out, "");
}

TEST_F(EditConfig, DoesNotOverwriteWhatSomebodyElseChangedMeanwhile) {
  int turns = 0;
  context.clock.meanwhile = [&] {
    if (++turns == 1) context.put("config", R"({"ttl":40})");
  };
  const Ran ran = context.run({"edit-config", "orders", "-s", "ttl=20", "--force"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "Error: Config modification aborted due to concurrent changes\n");
  EXPECT_EQ(context.value_of("config"), R"({"ttl":40})");
}

TEST_F(EditConfig, AppliesAndReplacesFilesAndAsksForForceWithStdin) {
  const Ran applied =
      context.run({"edit-config", "orders", "--apply", "-", "--force"}, "ttl: null\npause: true\n");
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_EQ(context.value_of("config"), R"({"loop_wait":10,"retry_timeout":10,"pause":true})");
  const Ran dry = context.run({"edit-config", "orders", "--replace", "-"}, "ttl: 25\n");
  EXPECT_TRUE(dry.out.ends_with("Use --force option to apply changes\n")) << dry.out;
  const Ran replaced =
      context.run({"edit-config", "orders", "--replace", "-", "--force"}, "ttl: 25\n");
  EXPECT_EQ(replaced.exit_code, 0) << replaced.err;
  EXPECT_EQ(context.value_of("config"), R"({"ttl":25})");
}

TEST_F(EditConfig, TakesOnlyAMapping) {
  const Ran ran = context.run({"edit-config", "orders", "--replace", "-", "--force"}, "- a\n");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "Error: - must hold a mapping (key: value), not array\n");
  EXPECT_EQ(context.run({"edit-config", "orders", "--apply", "/nowhere.yaml"}).err,
            "Error: cannot read /nowhere.yaml: No such file or directory\n");
}

TEST_F(EditConfig, LetsAnEditorChangeIt) {
  setenv("EDITOR", "sed -i s/30/33/", 1);
  const Ran ran = context.run({"edit-config", "orders", "--force"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(context.value_of("config"), R"({"loop_wait":10,"retry_timeout":10,"ttl":33})");
  setenv("EDITOR", "false", 1);
  EXPECT_EQ(context.run({"edit-config", "orders"}).err,
            "Error: Editor exited with return code 1\n");
  unsetenv("EDITOR");
}

TEST_F(EditConfig, NeedsAConfiguration) {
  EXPECT_EQ(context.run({"edit-config", "elsewhere", "-s", "ttl=20"}).err,
            "Error: The config key does not exist in the cluster elsewhere\n");
}

TEST(ConfigSetting, ReadsValuesAsYaml) {
  EXPECT_EQ(with_setting("{}", "pause=on"), R"({"pause":true})");
  EXPECT_EQ(with_setting("{}", "a.b='5'"), R"({"a":{"b":"5"}})");
  EXPECT_EQ(with_setting(R"({"ttl":30})", " ttl = 20"), R"({"ttl":20})") << "no second key";
  EXPECT_THROW((void)with_setting("{}", " =1"), CtlError);
  EXPECT_EQ(with_setting("{}", "a=[1, x=y]"), R"({"a":[1,"x=y"]})");
}

TEST(ConfigSetting, RemovesWithNullAndTakesEmptyParentsAlong) {
  EXPECT_EQ(with_setting(R"({"a":{"b":{"c":1}},"d":2})", "a.b.c=null"), R"({"d":2})");
  EXPECT_EQ(with_setting(R"({"a":{"b":1,"c":2}})", "a.b="), R"({"a":{"c":2}})");
  EXPECT_EQ(with_setting(R"({"a":1})", "x.y=null"), R"({"a":1})");
}

TEST(ConfigSetting, KeepsTheDotsOfAParameter) {
  EXPECT_EQ(with_setting("{}", "postgresql.parameters.auto_explain.log_min_duration=1s"),
            R"({"postgresql":{"parameters":{"auto_explain.log_min_duration":"1s"}}})");
}

TEST(ConfigSetting, RefusesWhatHasNoValue) {
  EXPECT_THROW((void)with_setting("{}", "ttl"), CtlError);
  EXPECT_THROW((void)with_setting("{}", "ttl={"), CtlError);
}

}  // namespace
}  // namespace pgherd::ctl::test
