#include "ctl/command_line.h"

#include <gtest/gtest.h>

#include "ctl/a_desk.h"
#include "ctl/dcs_url.h"
#include "ctl/errors.h"

namespace pgherd::ctl::test {
namespace {

Invocation parsed(std::vector<std::string> words) {
  return parse_command_line("patronictl", std::move(words));
}

TEST(CommandLine, TakesGlobalOptionsBeforeAndBehindTheCommand) {
  const Invocation before = parsed({"-c", "a.yml", "-k", "-d", "etcd3://h:1", "list", "x"});
  EXPECT_EQ(before.access.config_file, "a.yml");
  EXPECT_EQ(before.access.dcs_url, "etcd3://h:1");
  EXPECT_TRUE(before.access.is_insecure);
  const Invocation behind = parsed({"list", "x", "-c", "a.yml", "-k"});
  EXPECT_EQ(behind.access.config_file, "a.yml");
  EXPECT_TRUE(behind.access.is_insecure);
  const Invocation taken = parsed({"query", "x", "-c", "SELECT 1", "-d", "db"});
  EXPECT_EQ(taken.access.config_file, std::nullopt);
  EXPECT_EQ(taken.access.dcs_url, std::nullopt);
}

TEST(CommandLine, TakesTheStyleOfTables) {
  EXPECT_EQ(parsed({"--table", "classic", "list"}).access.table, TableStyle::Classic);
  EXPECT_EQ(parsed({"topology", "--table", "wide"}).access.table, TableStyle::Wide);
  EXPECT_EQ(parsed({"list"}).access.table, std::nullopt);
  EXPECT_THROW((void)parsed({"list", "--table", "narrow"}), UsageError);
}

TEST(CommandLine, TakesANameThatIsAlsoACommand) {
  EXPECT_TRUE(parsed({"restart", "list", "pause"}).run);
}

TEST(CommandLine, ExplainsWrongUsageAndExitsWithTwo) {
  ADesk context;
  const auto first_and_last = [](const std::string& text) {
    const std::size_t last = text.rfind('\n', text.size() - 2);
    return text.substr(0, text.find('\n')) + " | " + text.substr(last + 1);
  };
  const Ran unknown = context.run({"list", "--colour"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_TRUE(unknown.err.starts_with("Usage: pgherd ctl list [OPTIONS] [CLUSTER_NAMES...]"))
      << unknown.err;
  EXPECT_NE(first_and_last(unknown.err).find("| Error: "), std::string::npos) << unknown.err;
  EXPECT_EQ(context.run({"restart"}).exit_code, 2);
  EXPECT_EQ(context.run({"list", "-f", "xml"}).exit_code, 2);
  EXPECT_EQ(context.run({"flush", "orders", "everything"}).exit_code, 2);
  const Ran strange = context.run({"frobnicate"});
  EXPECT_EQ(strange.exit_code, 2);
  EXPECT_TRUE(strange.err.ends_with("Error: No such command or option: frobnicate\n"))
      << strange.err;
}

TEST(CommandLine, SaysAtOnceThatAFileOfSqlCannotBeRead) {
  ADesk context;
  const Ran missing = context.run({"query", "orders", "-f", "/nonexistent/x.sql"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_TRUE(
      missing.err.starts_with("Usage: pgherd ctl query [OPTIONS] [CLUSTER_NAME]\n"
                              "Try 'pgherd ctl query --help' for help.\n\n"))
      << missing.err;
  EXPECT_TRUE(missing.err.ends_with(
      "Error: Invalid value for '--file' / '-f': '/nonexistent/x.sql': No such file or "
      "directory\n"))
      << missing.err;
  const Ran folder = context.run({"query", "orders", "--file", "/"});
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_TRUE(folder.err.ends_with("'/': Is a directory\n")) << folder.err;
  EXPECT_NE(context.run({"query", "orders", "-f", "-"}).exit_code, 2);
}

TEST(CommandLine, HelpsWithTheToolAndWithEachCommand) {
  ADesk context;
  const Ran all = context.run({"--help"});
  EXPECT_EQ(all.exit_code, 0);
  for (const char* command : {"list", "topology", "doctor", "switchover", "failover", "restart",
                              "reload", "reinit", "pause", "resume", "show-config", "edit-config",
                              "history", "dsn", "query", "flush", "remove", "version"}) {
    EXPECT_NE(all.out.find(std::string("\n  ") + command + " "), std::string::npos) << command;
    const Ran one = context.run({command, "--help"});
    EXPECT_EQ(one.exit_code, 0) << command;
    EXPECT_NE(one.out.find(std::string("Usage: pgherd ctl ") + command), std::string::npos)
        << one.out;
  }
}

TEST(CommandLine, SaysThatCitusIsNotSupported) {
  ADesk context;
  const Ran ran = context.run({"list", "x", "--group", "1"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "Error: --group: Citus clusters are not supported by pgherd\n");
}

AgentConfig with_url(const std::string& url) {
  AgentConfig config;
  config.etcd.endpoints = {"old:2379"};
  config.etcd.use_tls = true;
  apply_dcs_url(url, config);
  return config;
}

TEST(DcsUrl, ReplacesEndpointAndNamespaceOnly) {
  const AgentConfig config = with_url("etcd3://10.0.0.1:2380/prod/");
  EXPECT_EQ(config.etcd.endpoints, std::vector<std::string>{"10.0.0.1:2380"});
  EXPECT_EQ(config.name_space, "prod");
  EXPECT_TRUE(config.etcd.use_tls);
  EXPECT_EQ(with_url("10.0.0.1").etcd.endpoints[0], "10.0.0.1:2379");
  EXPECT_EQ(with_url("etcd://[::1]:1234/").etcd.endpoints[0], "[::1]:1234");
  EXPECT_EQ(with_url("etcd3://u:p@[::1]").etcd.endpoints[0], "[::1]:2379");
  EXPECT_EQ(with_url("etcd3://:23").etcd.endpoints[0], "localhost:23");
  EXPECT_EQ(with_url("10.0.0.1").name_space, "service");
}

TEST(DcsUrl, RefusesOtherStores) {
  EXPECT_THROW(with_url("consul://h:8500"), CtlError);
  EXPECT_THROW(with_url("gopher://h"), CtlError);
  EXPECT_THROW(with_url("etcd3://h:port"), CtlError);
}

}  // namespace
}  // namespace pgherd::ctl::test
