#include "postgres/local/postmaster_pid.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "postgres/local_machine.h"

namespace pgherd {
namespace {

TEST(PostmasterPid, IsReadLineByLine) {
  const auto file = parse_postmaster_pid(
      "4711\n/data\n1700000000\n5433\n/run/postgresql\nlocalhost\n  123 456\nstandby \n");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->pid, 4711);
  EXPECT_EQ(file->port, 5433);
  EXPECT_EQ(file->socket_dir, "/run/postgresql");
  EXPECT_EQ(file->status, PostmasterStatus::Standby);
}

TEST(PostmasterPid, ANegativePidIsASingleUserServer) {
  const auto file = parse_postmaster_pid("-12\n/data\n");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->pid, 12);
  EXPECT_TRUE(file->is_single_user);
}

TEST(PostmasterPid, WithoutAStatusLineTheServerIsAtItsVeryStart) {
  EXPECT_EQ(parse_postmaster_pid("12\n/data\n17\n")->status, PostmasterStatus::Unknown);
  EXPECT_FALSE(parse_postmaster_pid(""));
}

TEST(PostmasterPid, ALiveProcessThatIsNoPostgresIsAStranger) {
  const test::TemporaryDirectory directory;
  std::ofstream(directory.path() + "/postmaster.pid") << ::getppid() << "\n"
                                                      << directory.path() << "\n";
  const PostmasterSearch search = find_postmaster(directory.path());
  EXPECT_FALSE(search.found);
  EXPECT_EQ(search.stranger, ::getppid());
}

TEST(PostmasterPid, ADeadOneThatIsNotReapedYetIsAStrangerThatPostgresMustBeToldOf) {
  const test::TemporaryDirectory directory;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  std::ofstream(directory.path() + "/postmaster.pid") << child << "\n" << directory.path() << "\n";
  const PostmasterSearch search = find_postmaster(directory.path());
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(search.found);
  EXPECT_EQ(acquaintance_with_stranger(search),
            EnvironmentEntry("PG_GRANDPARENT_PID", std::to_string(child)));
}

TEST(PostmasterPid, ADeadOneIsNobody) {
  const test::TemporaryDirectory directory;
  std::ofstream(directory.path() + "/postmaster.pid") << "2147483600\n" << directory.path() << "\n";
  const PostmasterSearch search = find_postmaster(directory.path());
  EXPECT_FALSE(search.found);
  EXPECT_EQ(search.stranger, 0);
  EXPECT_FALSE(acquaintance_with_stranger(search));
}

}  // namespace
}  // namespace pgherd
