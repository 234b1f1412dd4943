#include "runtime/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <exception>

#include "runtime/pid_watch.h"

namespace pgherd {
namespace {
namespace asio = boost::asio;

struct ProcessTest : testing::Test {
  Result<ProcessEnd, std::string> run(ProcessSpec spec) {
    std::optional<Result<ProcessEnd, std::string>> result;
    loop.restart();
    asio::co_spawn(
        loop, run_process(std::move(spec)),
        asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& error,
                                                      Result<ProcessEnd, std::string> ended) {
          if (error) std::rethrow_exception(error);
          result = std::move(ended);
        }));
    loop.run();
    return *result;
  }
  static ProcessSpec shell(const std::string& script) {
    ProcessSpec spec;
    spec.argv = {"sh", "-c", script};
    return spec;
  }
  void wait_for_end_of(pid_t pid) {
    const auto process = identify_process(pid);
    if (!process) return;
    loop.restart();
    const auto watch = PidWatch::start(loop.get_executor(), *process, [] {}).value();
    loop.run();
  }
  asio::io_context loop;
  asio::cancellation_signal stop;
};

TEST_F(ProcessTest, gives_status_and_both_outputs) {
  const auto end = run(shell("echo out; echo err >&2; exit 3")).value();
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.out, "out\n");
  EXPECT_EQ(end.err, "err\n");
  EXPECT_EQ(describe(end), "exited with status 3");
}

TEST_F(ProcessTest, the_environment_directory_and_input_are_as_asked) {
  ::setenv("PGHERD_TEST_UNWANTED", "1", 1);
  auto spec = shell("echo $WORD $PGHERD_TEST_UNWANTED; pwd; cat");
  spec.env = {{"WORD", "hello"}};
  spec.env_unset = {"PGHERD_TEST_UNWANTED"};
  spec.cwd = "/usr";
  spec.stdin_text = "input";
  EXPECT_EQ(run(spec).value().out, "hello\n/usr\ninput");
}

TEST_F(ProcessTest, a_program_that_is_not_there_is_an_error_that_names_it) {
  ProcessSpec spec;
  spec.argv = {"no-such-program-here"};
  const auto end = run(spec);
  ASSERT_FALSE(end);
  EXPECT_NE(end.error().find("no-such-program-here"), std::string::npos);
  EXPECT_NE(end.error().find("No such file"), std::string::npos);
}

TEST_F(ProcessTest, lines_come_whole_and_the_tail_is_bounded) {
  auto spec = shell("for i in 1 2 3 4 5 6 7 8 9; do echo line$i; done; printf last");
  std::vector<std::string> lines;
  spec.on_line = [&](OutputOf, std::string_view line) { lines.emplace_back(line); };
  spec.tail_bytes_max = 10;
  const auto end = run(spec).value();
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_EQ(lines.front(), "line1");
  EXPECT_EQ(lines.back(), "last");
  EXPECT_EQ(end.out, "line9\nlast");
}

TEST_F(ProcessTest, a_grandchild_that_keeps_the_output_open_does_not_hold_up_the_end) {
  auto spec = shell("sleep 1000 & echo $!");
  const auto end = run(spec).value();
  EXPECT_TRUE(end.succeeded());
  ::kill(std::stoi(end.out), SIGKILL);
}

TEST_F(ProcessTest, what_takes_too_long_is_killed_with_all_it_started) {
  // Ignores SIGTERM itself, and so does its child.
  auto spec = shell("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000");
  spec.timeout = 100ms;
  spec.kill_after = 50ms;
  const auto end = run(spec).value();
  EXPECT_TRUE(end.timed_out);
  EXPECT_FALSE(end.succeeded());
  wait_for_end_of(std::stoi(end.out));
}

TEST_F(ProcessTest, cancelling_returns_only_when_the_child_is_gone) {
  auto spec = shell("trap 'echo bye; exit 0' TERM; echo $$; while :; do sleep 0.05; done");
  pid_t pid = 0;
  spec.on_line = [&](OutputOf, std::string_view line) {
    if (pid == 0) {
      pid = std::stoi(std::string(line));
      stop.emit(asio::cancellation_type::terminal);
    }
  };
  const auto end = run(spec).value();
  EXPECT_TRUE(end.cancelled);
  EXPECT_NE(end.out.find("bye"), std::string::npos);
  EXPECT_FALSE(identify_process(pid));
}

TEST_F(ProcessTest, who_looks_now_and_then_is_told_of_the_end_at_once) {
  const auto child = ChildProcess::start(loop.get_executor(), shell("exit 3")).value();
  std::optional<ProcessEnd> seen;
  const auto note = [&](const std::exception_ptr&, ProcessEnd end) { seen = std::move(end); };
  asio::co_spawn(loop, end_of(*child, std::chrono::hours(1), [] {}), note);
  loop.run();
  EXPECT_EQ(seen.value().exit_code, 3);
}

TEST_F(ProcessTest, who_looks_now_and_then_may_end_the_child) {
  const auto child = ChildProcess::start(loop.get_executor(), shell("sleep 1000")).value();
  std::optional<ProcessEnd> seen;
  int looks = 0;
  const auto look = [&] {
    if (++looks == 3) child->terminate();
  };
  const auto note = [&](const std::exception_ptr&, ProcessEnd end) { seen = std::move(end); };
  asio::co_spawn(loop, end_of(*child, Milliseconds(1), look), note);
  loop.run();
  EXPECT_TRUE(seen.value().cancelled);
}

TEST_F(ProcessTest, no_descriptor_of_ours_reaches_the_child) {
  const int leaky = ::dup(STDERR_FILENO);  // without close-on-exec
  // 0, 1, 2 and the directory that ls reads.
  EXPECT_EQ(run(shell("ls /proc/self/fd | wc -l")).value().out, "4\n");
  ::close(leaky);
}

TEST_F(ProcessTest, a_child_whose_owner_is_gone_is_killed_and_reaped) {
  ProcessSpec spec;
  spec.argv = {"sleep", "1000"};
  auto child = ChildProcess::start(loop.get_executor(), spec).value();
  const pid_t pid = child->pid();
  child.reset();
  loop.run();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(ProcessTest, another_user_can_be_become_by_root_only) {
  auto spec = shell("id -un; echo $HOME");
  const auto nobody = find_user("nobody");
  if (!nobody) GTEST_SKIP() << nobody.error();
  spec.run_as = *nobody;
  const auto end = run(spec);
  if (::geteuid() == 0)
    EXPECT_EQ(end.value().out, "nobody\n" + nobody->home + "\n");
  else
    EXPECT_NE(end.error().find("cannot become"), std::string::npos);
}

// By root, to another user: that one right and no other.
TEST_F(ProcessTest, the_right_to_set_priorities_is_handed_on_to_whom_it_is_meant_for) {
  const auto nobody = find_user("nobody");
  if (::geteuid() != 0 || !nobody) GTEST_SKIP() << "needs root and a user nobody";
  auto spec = shell("chrt --rr --pid 1 $$ && echo may");
  spec.run_as = *nobody;
  EXPECT_FALSE(run(spec)->succeeded());
  if (!run(shell("chrt --rr --pid 1 $$"))->succeeded()) GTEST_SKIP() << "root may not, either";
  spec.may_set_priorities = true;
  EXPECT_EQ(run(spec).value().out, "may\n");
  auto rights = shell("grep -E 'Cap(Eff|Amb)' /proc/self/status | tr -s '\\n\\t' ' '");
  rights.run_as = *nobody;
  EXPECT_EQ(run(rights).value().out, "CapEff: 0000000000000000 CapAmb: 0000000000000000 ");
  rights.may_set_priorities = true;
  EXPECT_EQ(run(rights).value().out, "CapEff: 0000000000800000 CapAmb: 0000000000800000 ");
}

}  // namespace
}  // namespace pgherd
