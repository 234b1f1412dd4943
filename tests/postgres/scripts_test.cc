// Scripts as processes: real ones, of /bin/sh.
#include "postgres/local/scripts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "postgres/local_machine.h"
#include "runtime/files.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

class Scripts : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return root.path() + "/" + name; }
  // Runs this text with the words of the call as $1, $2 and $3.
  static CommandWords shell(const std::string& text) { return {"/bin/sh", "-c", text, "script"}; }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    return read_file(path(name)).value_or("");
  }
  void turn_until(const std::function<bool()>& is_so) {
    const auto busy = asio::make_work_guard(loop);
    while (!is_so()) {
      loop.restart();
      loop.run_for(2ms);
    }
  }
  ScriptEnd run(
      CommandWords command, const std::function<bool()>& is_in_vain = [] { return false; }) {
    std::optional<ScriptEnd> ended;
    asio::co_spawn(loop,
                   run_script(loop.get_executor(), "pre_promote", std::move(command), is_in_vain),
                   [&](const std::exception_ptr&, ScriptEnd end) { ended = std::move(end); });
    turn_until([&] { return ended.has_value(); });
    return *ended;
  }
  // A script that never ends and has a child that does not, either; both have written their pids.
  [[nodiscard]] std::string endless() const {
    return "sh -c 'trap \"\" TERM; echo $$ > " + path("child") +
           "; while :; do sleep 600; done' & echo $$ > " + path("parent") + "; wait";
  }
  [[nodiscard]] bool has_begun() const {
    return !text_of("child").empty() && !text_of("parent").empty();
  }
  [[nodiscard]] bool is_gone(const std::string& name) const {
    const pid_t pid = std::stoi(text_of(name));
    if (::kill(pid, 0) != 0) return true;
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat").value_or(") Z");
    return stat.substr(stat.rfind(')')).starts_with(") Z");
  }

  test::TemporaryDirectory root;
  asio::io_context loop;
  Callbacks callbacks{loop.get_executor(), "main"};
  const CallbackCall start{.action = CallbackAction::OnStart, .role = CallbackRole::Replica};
  const CallbackCall role_change{.action = CallbackAction::OnRoleChange,
                                 .role = CallbackRole::StandbyLeader};
  const CallbackCall reload{.action = CallbackAction::OnReload, .role = CallbackRole::Primary};
};

TEST_F(Scripts, ACallbackIsToldActionRoleAndScope) {
  PostgresConfig config;
  config.callbacks[CallbackAction::OnRoleChange] = shell("echo \"$@\" > " + path("told"));
  callbacks.call(config, role_change);
  turn_until([&] { return !text_of("told").empty(); });
  EXPECT_EQ(text_of("told"), "on_role_change standby_leader main\n");
  callbacks.call(config, start);  // nothing is configured for it
  callbacks.call(config, std::nullopt);
}

TEST_F(Scripts, ANewCallbackKillsTheOneThatStillRunsWithItsChildren) {
  PostgresConfig config;
  config.callbacks[CallbackAction::OnStart] = shell(endless());
  config.callbacks[CallbackAction::OnRoleChange] = shell("echo done > " + path("told"));
  callbacks.call(config, start);
  turn_until([&] { return has_begun(); });
  callbacks.call(config, role_change);
  turn_until([&] { return !text_of("told").empty(); });
  EXPECT_TRUE(is_gone("parent")) << "it is gone before the next one begins";
  turn_until([&] { return is_gone("child"); });
}

TEST_F(Scripts, AReloadDisturbsNoOtherCallback) {
  PostgresConfig config;
  config.callbacks[CallbackAction::OnStart] = shell(endless());
  config.callbacks[CallbackAction::OnReload] = shell("echo $1 >> " + path("told"));
  callbacks.call(config, start);
  turn_until([&] { return has_begun(); });
  callbacks.call(config, reload);
  turn_until([&] { return !text_of("told").empty(); });
  EXPECT_FALSE(is_gone("parent"));
  ::kill(-std::stoi(text_of("parent")), SIGKILL);
  turn_until([&] { return is_gone("parent") && is_gone("child"); });
}

TEST_F(Scripts, OfSeveralThatFollowOnAHangingOneTheLastCounts) {
  PostgresConfig config;
  config.callbacks[CallbackAction::OnStart] = shell(endless());
  config.callbacks[CallbackAction::OnStop] = shell("echo stop >> " + path("told"));
  config.callbacks[CallbackAction::OnRoleChange] = shell("echo role >> " + path("told"));
  callbacks.call(config, start);
  turn_until([&] { return has_begun(); });
  callbacks.call(config, CallbackCall{.action = CallbackAction::OnStop});
  callbacks.call(config, role_change);
  turn_until([&] { return !text_of("told").empty(); });
  EXPECT_EQ(text_of("told"), "role\n");
}

TEST_F(Scripts, ACallbackOutlivesTheAgentAndMaySpeak) {
  PostgresConfig config;
  config.callbacks[CallbackAction::OnStop] =
      shell("echo $$ > " + path("parent") + "; until test -e " + path("gone") +
            "; do sleep 0.01; done; set -e; echo a word; echo written > " + path("told"));
  auto hands = std::make_unique<asio::io_context>();
  auto leaving = std::make_unique<Callbacks>(hands->get_executor(), "main");
  leaving->call(config, CallbackCall{.action = CallbackAction::OnStop});
  turn_until([&] { return !text_of("parent").empty(); });
  leaving.reset();
  hands.reset();
  std::ofstream(path("gone")) << "now";
  turn_until([&] { return !text_of("told").empty(); });
}

TEST_F(Scripts, OneThatIsWaitedForTellsItsExitAndWords) {
  EXPECT_TRUE(run(shell("exit 0")).has_succeeded);
  const ScriptEnd end = run(shell("echo not today; echo at all >&2; exit 3"));
  EXPECT_FALSE(end.has_succeeded);
  EXPECT_NE(end.text.find("exited with status 3"), std::string::npos) << end.text;
  EXPECT_NE(end.text.find("it says: not today | at all"), std::string::npos) << end.text;
}

TEST_F(Scripts, OneThatCannotRunHasFailed) {
  const ScriptEnd end = run({path("missing")});
  EXPECT_FALSE(end.has_succeeded);
  EXPECT_NE(end.text.find("missing` cannot run: "), std::string::npos) << end.text;
}

TEST_F(Scripts, OneThatIsWaitedForInVainIsKilledWithItsChildren) {
  const ScriptEnd end = run(shell(endless()), [this] { return has_begun(); });
  EXPECT_FALSE(end.has_succeeded);
  EXPECT_TRUE(is_gone("parent"));
  turn_until([&] { return is_gone("child"); });
}

}  // namespace
}  // namespace pgherd
