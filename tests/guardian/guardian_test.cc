#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>

#include "guardian/guardian_fence.h"
#include "guardian/order.h"
#include "guardian/server_processes.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"
#include "runtime/pid_watch.h"
#include "runtime/process.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {
namespace fs = std::filesystem;

struct GuardianTest : testing::Test {
  GuardianTest() {
    std::string pattern = testing::TempDir() + "pgherd-guardian-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    data_dir = folder + "/data";
    fs::create_directory(data_dir);
  }
  ~GuardianTest() override {
    for (const auto& one : {server, child})  // where the test let them live
      if (one.pid != 0) signal_process(one, SIGKILL);
    fs::remove_all(folder);
  }

  // Turns the loop until it is so. A test that waits in vain is ended by ctest.
  void until(const std::function<bool()>& is_so) {
    loop.restart();
    while (!is_so()) {
      loop.restart();
      loop.run_one_for(100ms);
    }
  }
  std::unique_ptr<ChildProcess> run(std::vector<std::string> argv, const std::string& cwd = "") {
    ProcessSpec spec;
    spec.argv = std::move(argv);
    spec.cwd = cwd;
    spec.on_line = [this](OutputOf which, std::string_view line) {
      if (which == OutputOf::Stdout) said.emplace_back(line);
    };
    return ChildProcess::start(loop.get_executor(), spec).value();
  }
  bool was_said(const std::string& start) const {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& line) { return line.rfind(start, 0) == 0; });
  }
  // A process that looks like PostgreSQL on the data directory.
  std::unique_ptr<ChildProcess> postmaster() {
    fs::copy_file(PGHERD_GUARDIAN_PROBE, folder + "/postgres",
                  fs::copy_options::overwrite_existing);
    said.clear();
    auto started = run({folder + "/postgres", "postmaster"}, data_dir);
    until([&] { return was_said("up "); });
    for (const auto& line : said)
      if (line.rfind("up ", 0) == 0) child = identify_process(std::stoi(line.substr(3))).value();
    return started;
  }
  std::unique_ptr<ChildProcess> agent(pid_t postmaster_pid, int milliseconds) {
    auto started = run({PGHERD_GUARDIAN_PROBE, "agent", data_dir, std::to_string(postmaster_pid),
                        std::to_string(milliseconds)});
    until([&] { return was_said("armed"); });
    return started;
  }
  std::unique_ptr<GuardianFence> fence() {
    auto made = std::make_unique<GuardianFence>(
        loop.get_executor(), GuardianFenceOptions{.data_dir = data_dir,
                                                  .program = PGHERD_GUARDIAN_PROBE,
                                                  .on_connected = {},
                                                  .on_trouble = [this](const std::string& text) {
                                                    troubles.push_back(text);
                                                  }});
    made->start();
    until([&] { return made->is_connected(); });
    return made;
  }
  // A server that the guardian starts, in this environment; `child` is what it has started itself.
  ProcessIdentity launched(GuardianFence& through, Instant not_after = boottime_now() + 10s) {
    fs::copy_file(PGHERD_GUARDIAN_PROBE, folder + "/postgres",
                  fs::copy_options::overwrite_existing);
    std::optional<Launched> answer;
    through.launch({.argv = {folder + "/postgres", "postmaster"},
                    .env = {{"SERVER_WORD", "kept"}},
                    .env_unset = {"HOME"},
                    .log_file = folder + "/log",
                    .not_after = not_after},
                   [&](Launched told) { answer = std::move(told); });
    until([&] { return answer.has_value(); });
    why_not = *answer ? "" : answer->error();
    if (!*answer) return {};
    until([&] { return log().rfind("up ", 0) == 0 && log().ends_with("\n"); });
    child = identify_process(std::stoi(log().substr(3))).value_or(ProcessIdentity{});
    server = identify_process(static_cast<pid_t>(**answer)).value_or(ProcessIdentity{});
    return server;
  }
  // An agent that speaks another version comes and goes.
  void send_as_version(std::uint32_t version) const {
    const std::string name = guardian_socket_name(data_dir);
    const UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), address.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
    Order order;
    order.version = version;
    ASSERT_EQ(::send(socket.get(), &order, sizeof order, MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof order));
    char nothing = 0;
    EXPECT_LE(::recv(socket.get(), &nothing, 1, 0), 0);  // it has understood that it does not
  }
  std::string log() const { return read_file(folder + "/log").value_or(""); }
  // The process that is the guardian of our data directory.
  std::optional<ProcessIdentity> guardian() {
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const auto words = read_file(entry.path().string() + "/cmdline");
      if (words && words->find(std::string("guardian") + '\0' + "--data-dir" + '\0' + data_dir +
                               '\0') != std::string::npos)
        return identify_process(std::stoi(name));
    }
    return std::nullopt;
  }

  boost::asio::io_context loop;
  std::string folder;
  std::string data_dir;
  std::vector<std::string> said;
  std::vector<std::string> troubles;
  std::string why_not;
  ProcessIdentity server;
  ProcessIdentity child;
};

TEST_F(GuardianTest, a_frozen_agent_costs_the_postmaster_its_life_with_all_children) {
  const auto server = postmaster();
  const auto frozen = agent(server->pid(), 300);
  frozen->signal(SIGSTOP);
  const auto ordered = boottime_now();
  until([&] { return server->has_ended() && !is_running(child); });
  EXPECT_GE(boottime_now() - ordered, 100ms);  // not before its time
}

TEST_F(GuardianTest, the_order_stands_when_the_agent_dies_and_then_the_guardian_goes) {
  const auto server = postmaster();
  const auto dead = agent(server->pid(), 300);
  const auto keeper = guardian().value();
  dead->signal(SIGKILL);
  until([&] { return server->has_ended() && !is_running(child) && !is_running(keeper); });
}

TEST_F(GuardianTest, a_renewed_order_replaces_the_one_of_an_agent_that_died) {
  const auto server = postmaster();
  auto dead = agent(server->pid(), 400);
  const auto keeper = guardian().value();
  dead->signal(SIGKILL);
  until([&] { return dead->has_ended(); });
  const auto next = fence();
  EXPECT_EQ(guardian(), keeper);
  next->disarm();
  // Long after the first order's instant.
  const Instant look = boottime_now() + 800ms;
  until([&] { return boottime_now() > look; });
  EXPECT_FALSE(server->has_ended());
  EXPECT_TRUE(is_running(child));
}

TEST_F(GuardianTest, postgresql_is_found_without_being_named) {
  const auto server = postmaster();
  const auto ours = fence();
  ours->arm(boottime_now(), 0);
  until([&] { return server->has_ended() && !is_running(child); });
}

TEST_F(GuardianTest, orphaned_backends_are_killed_also_when_the_postmaster_is_gone) {
  const auto server = postmaster();
  server->signal(SIGKILL);
  until([&] { return server->has_ended(); });
  ASSERT_TRUE(is_running(child));
  const auto ours = fence();
  ours->arm(boottime_now(), server->pid());
  until([&] { return !is_running(child); });
}

TEST_F(GuardianTest, postgresql_on_another_data_directory_is_left_alone) {
  const auto server = postmaster();
  fs::create_directory(folder + "/other");
  EXPECT_EQ(kill_server_processes({.data_dir = folder + "/other", .postmaster = {}}), 0);
  EXPECT_EQ(
      kill_server_processes({.data_dir = folder + "/nowhere", .postmaster = {server->pid(), 1}}),
      0);
  EXPECT_TRUE(identify_process(server->pid()));
  EXPECT_TRUE(is_running(child));
  signal_process(child, SIGKILL);
}

// By the kernel's list of its children alone: nothing here looks like PostgreSQL, nor works in a
// data directory. What is not of its blood is left alone.
TEST_F(GuardianTest, a_strike_hits_the_postmaster_and_its_children_and_nobody_else) {
  const auto bystander = run({"/bin/sh", "-c", "echo beside; exec sleep 1000"});
  const auto parent =
      run({"/bin/sh", "-c", "sleep 1000 & echo child $!; sleep 1000 & echo child $!; wait"});
  until([&] {
    return std::count_if(said.begin(), said.end(),
                         [](const std::string& line) { return line.starts_with("child "); }) == 2 &&
           was_said("beside");
  });
  std::vector<ProcessIdentity> children;
  for (const auto& line : said)
    if (line.starts_with("child "))
      children.push_back(identify_process(std::stoi(line.substr(6))).value());
  const auto postmaster = identify_process(static_cast<pid_t>(parent->pid())).value();
  const PostmasterGrip grip(postmaster);
  grip.rehearse();
  for (const auto& one : {postmaster, children[0], children[1]}) {
    EXPECT_TRUE(is_running(one));
    EXPECT_EQ(::sched_getscheduler(one.pid), SCHED_OTHER);
  }
  EXPECT_TRUE(grip.strike());
  until([&] { return parent->has_ended(); });
  until([&] { return !is_running(children[0]) && !is_running(children[1]); });
  EXPECT_TRUE(identify_process(static_cast<pid_t>(bystander->pid())));
  bystander->signal(SIGKILL);
  until([&] { return bystander->has_ended(); });
  EXPECT_FALSE(grip.strike());
  EXPECT_FALSE(PostmasterGrip(postmaster).strike());
  // A later process with its number would be another one.
  const auto self = identify_process(::getpid()).value();
  EXPECT_FALSE(PostmasterGrip({.pid = self.pid, .started = self.started + 1}).strike());
}

TEST_F(GuardianTest, a_killed_guardian_is_reported_replaced_and_told_the_last_order) {
  const auto server = postmaster();
  const auto ours = fence();
  ours->arm(boottime_now() + 1s, server->pid());
  const auto first = guardian().value();
  ASSERT_TRUE(signal_process(first, SIGKILL));
  until([&] { return !troubles.empty() && ours->is_connected(); });
  EXPECT_NE(guardian(), first);
  until([&] { return server->has_ended() && !is_running(child); });
}

TEST_F(GuardianTest, an_armed_guardian_does_not_heed_requests_to_end) {
  const auto server = postmaster();
  const auto dead = agent(server->pid(), 300);
  const auto keeper = guardian().value();
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT})
    signal_process(keeper, number);
  dead->signal(SIGKILL);
  until([&] { return server->has_ended() && !is_running(child); });
}

TEST_F(GuardianTest, a_guardian_that_is_not_needed_goes) {
  auto ours = fence();
  const auto keeper = guardian().value();
  ours->arm(boottime_now() + 100s, 0);
  ours->disarm();
  ours.reset();
  until([&] { return !is_running(keeper); });
}

TEST_F(GuardianTest, a_server_does_not_outlive_the_guardian_that_has_started_it) {
  auto ours = fence();
  launched(*ours);
  ASSERT_TRUE(is_running(server));
  const auto keeper = guardian().value();
  ours.reset();  // as if the agent had been killed in the same moment: nobody starts another one
  ASSERT_TRUE(signal_process(keeper, SIGKILL));
  until([&] { return !is_running(server); });
}

TEST_F(GuardianTest, a_server_goes_on_without_its_agent_and_the_guardian_stays_with_it) {
  auto ours = fence();
  launched(*ours);
  const auto keeper = guardian().value();
  ours->disarm();
  ours.reset();
  ours = fence();
  EXPECT_EQ(guardian(), keeper);
  EXPECT_TRUE(is_running(server));
  ours.reset();
  signal_process(server, SIGKILL);
  until([&] { return !is_running(keeper); });
}

TEST_F(GuardianTest, a_server_is_an_ordinary_process_in_the_environment_of_its_agent) {
  ::setenv("HOME", "/somewhere", 1);
  const auto ours = fence();
  launched(*ours);
  const std::string proc = "/proc/" + std::to_string(server.pid);
  const auto environment = read_file(proc + "/environ").value();
  EXPECT_NE(environment.find(std::string("SERVER_WORD=kept") + '\0'), std::string::npos);
  EXPECT_EQ(('\0' + environment).find(std::string("\0HOME=", 6)), std::string::npos);
  for (const std::string name : {"/oom_score_adj", "/limits"})
    EXPECT_EQ(read_file(proc + name).value(), read_file("/proc/self" + name).value());
  EXPECT_EQ(::sched_getscheduler(server.pid), SCHED_OTHER);
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(server.pid)), 0);
  EXPECT_EQ(::getsid(server.pid), server.pid);
  EXPECT_EQ(fs::read_symlink(proc + "/cwd"), "/");
  // The probe ignores SIGTERM itself, and nothing else. Signals 32 and 33 are glibc's own, and as
  // whoever has started all this left them.
  const auto status = read_file(proc + "/status").value();
  const auto ignored = std::stoull(status.substr(status.find("SigIgn:") + 7), nullptr, 16);
  EXPECT_EQ(ignored & ~(3ULL << 31U), 1ULL << (SIGTERM - 1U)) << status;
}

TEST_F(GuardianTest, a_server_is_not_started_later_than_it_was_wanted) {
  const auto ours = fence();
  EXPECT_EQ(launched(*ours, boottime_now() - 1ms).pid, 0);
  EXPECT_NE(why_not.find("too late"), std::string::npos) << why_not;
}

TEST_F(GuardianTest, what_cannot_be_executed_says_so_in_the_log_of_the_server) {
  const auto ours = fence();
  std::optional<Launched> answer;
  ours->launch({.argv = {folder + "/nothing"},
                .env = {},
                .env_unset = {},
                .log_file = folder + "/log",
                .not_after = boottime_now() + 10s},
               [&](Launched told) { answer = std::move(told); });
  until([&] { return log().ends_with("\n"); });
  EXPECT_EQ(log(), folder + "/nothing cannot be executed: No such file or directory\n");
}

TEST_F(GuardianTest, becomes_the_program_of_a_newer_agent_and_the_server_goes_on) {
  auto ours = fence();
  launched(*ours);
  const auto keeper = guardian().value();
  ours->arm(boottime_now() + 100s, server.pid);
  send_as_version(kOrderVersion + 1);
  until([&] { return !troubles.empty() && ours->is_connected(); });
  EXPECT_EQ(guardian(), keeper);
  EXPECT_TRUE(is_running(server));
  const auto words = read_file("/proc/" + std::to_string(keeper.pid) + "/cmdline").value();
  EXPECT_NE(words.find("--inherit"), std::string::npos);
  // It knows what it had been told, and whose parent it is.
  ours->arm(boottime_now(), server.pid);
  until([&] { return !is_running(server) && !is_running(child); });
}

TEST_F(GuardianTest, all_paths_to_a_data_directory_lead_to_the_same_guardian) {
  fs::create_directory_symlink(data_dir, folder + "/link");
  EXPECT_EQ(guardian_socket_name(folder + "/link"), guardian_socket_name(data_dir + "/"));
  EXPECT_NE(guardian_socket_name(folder), guardian_socket_name(data_dir));
  // Before and after it was made.
  const auto before = guardian_socket_name(folder + "/new");
  fs::create_directory(folder + "/new");
  EXPECT_EQ(guardian_socket_name(folder + "/new"), before);
}

}  // namespace
}  // namespace pgherd
