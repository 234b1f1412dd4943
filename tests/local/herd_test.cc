// A whole herd, except that its agents have no PostgreSQL (see local_probe.cc): started, broken,
// adopted, stopped and removed through the command line, as a person would.
#include "local/herd.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "local/topology.h"
#include "runtime/files.h"
#include "runtime/process.h"

namespace pgherd::local {
namespace {
namespace fs = std::filesystem;

struct LocalHerdTest : testing::Test {
  LocalHerdTest() {
    std::string pattern = "/tmp/pgherd-local-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    ::chmod(folder.c_str(), 0755);
    dir = folder + "/herd";
    // Where everybody can run it, however closed the build folder is.
    program = folder + "/pgherd";
    fs::copy_file(PGHERD_LOCAL_PROBE, program);
  }
  ~LocalHerdTest() override {
    if (fs::exists(dir)) pgherd({"destroy", "--yes"});
    fs::remove_all(folder);
  }
  ProcessEnd pgherd(std::vector<std::string> words) {
    boost::asio::io_context loop;
    ProcessSpec spec;
    spec.argv = {program, "local"};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    spec.argv.insert(spec.argv.end(), {"--dir", dir});
    ProcessEnd ended;
    boost::asio::co_spawn(loop, run_process(std::move(spec)),
                          [&](const std::exception_ptr&, Result<ProcessEnd, std::string> end) {
                            ended = std::move(end).value();
                          });
    loop.run();
    return ended;
  }
  // False where the programs are not there.
  bool start() {
    const auto up = pgherd({"up", "--port-base", "0", "--nodes", "2"});
    if (up.err.find("programs are missing") != std::string::npos ||
        up.err.find("cannot reach") != std::string::npos)
      return false;
    EXPECT_TRUE(up.succeeded()) << up.out << up.err << supervisor_log();
    return true;
  }
  Herd herd() const { return load_herd(dir).value(); }
  std::string supervisor_log() const {
    return read_file(dir + "/logs/supervisor.log").value_or("");
  }
  static void until(const std::function<bool()>& is_so) {
    while (!is_so())
      std::this_thread::sleep_for(20ms);
  }
  std::string folder;
  std::string dir;
  std::string program;
};

TEST_F(LocalHerdTest, lives_through_broken_parts_and_a_killed_supervisor) {
  if (!start()) GTEST_SKIP() << "PostgreSQL, etcd or HAProxy cannot be run here";
  const Herd first = herd();

  // Whatever ends is started again.
  for (const char* name : {"pg1", "etcd0", "haproxy"}) {
    const auto process = first.find(name)->process;
    ASSERT_TRUE(signal_process(process, SIGKILL)) << name;
    until([&] {
      const auto now = herd().find(name)->process;
      return now.pid != 0 && now != process && is_running(now);
    });
  }

  // A second `up` changes nothing.
  const Herd second = herd();
  EXPECT_TRUE(pgherd({"up"}).succeeded());
  EXPECT_EQ(herd().supervisor, second.supervisor);

  // Without a supervisor all goes on, and the next one adopts it.
  signal_process(second.supervisor, SIGKILL);
  until([&] { return !running_supervisor(dir); });
  EXPECT_EQ(pgherd({"status"}).exit_code, 3);
  const auto up = pgherd({"up", "--nodes", "2"});
  EXPECT_TRUE(up.succeeded()) << up.out << up.err;
  for (const auto& part : herd().parts)
    EXPECT_EQ(part.process, second.find(part.name)->process) << part.name;
}

TEST_F(LocalHerdTest, is_stopped_also_when_its_supervisor_is_gone_and_removed_only_when_asked) {
  if (!start()) GTEST_SKIP() << "PostgreSQL, etcd or HAProxy cannot be run here";
  const Herd before = herd();
  signal_process(before.supervisor, SIGKILL);
  until([&] { return !running_supervisor(dir); });
  EXPECT_TRUE(pgherd({"down"}).succeeded());
  for (const auto& part : before.parts)
    EXPECT_FALSE(is_running(part.process)) << part.name;
  EXPECT_TRUE(fs::exists(dir + "/etcd0"));

  ::unsetenv("YES");                            // what make may have passed on
  EXPECT_EQ(pgherd({"destroy"}).exit_code, 1);  // nobody to ask
  EXPECT_TRUE(fs::exists(dir));
  EXPECT_TRUE(pgherd({"destroy", "--yes"}).succeeded());
  EXPECT_FALSE(fs::exists(dir));
}

TEST_F(LocalHerdTest, passwords_are_not_for_others) {
  if (!start()) GTEST_SKIP() << "PostgreSQL, etcd or HAProxy cannot be run here";
  for (const char* name :
       {"secrets.json", "pgpass", "patronictl.yml", "haproxy.cfg", "pg0/agent.yml"}) {
    struct stat status{};
    ASSERT_EQ(::stat((dir + "/" + name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(LocalHerdTest, a_folder_of_somebody_else_is_neither_used_nor_removed) {
  fs::create_directory(dir);
  ASSERT_TRUE(write_file_atomically(dir + "/letter", "dear"));
  const auto up = pgherd({"up", "--port-base", "0"});
  EXPECT_EQ(up.exit_code, 1);
  const auto destroy = pgherd({"destroy", "--yes"});
  EXPECT_NE(destroy.err.find("was not made by pgherd local"), std::string::npos) << destroy.err;
  EXPECT_TRUE(fs::exists(dir + "/letter"));
  fs::remove_all(dir);
}

}  // namespace
}  // namespace pgherd::local
