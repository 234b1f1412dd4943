#include "postgres/local/archiving.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "postgres/local_machine.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr const char* kSegment = "00000002000000000000001A";

TEST(ArchiveCommand, IsMadeForOneSegmentAsTheServerMakesIt) {
  EXPECT_EQ(archive_command_for("cp %p /archive/%f", kSegment),
            "cp pg_wal/00000002000000000000001A /archive/00000002000000000000001A");
  EXPECT_EQ(archive_command_for("tool --progress=100%% %p", kSegment),
            "tool --progress=100% pg_wal/00000002000000000000001A");
  EXPECT_EQ(archive_command_for("date +%Y; cp %p /x%", kSegment),
            "date +%Y; cp pg_wal/00000002000000000000001A /x%");
}

// A data directory with marks, and a program `postgres` that only tells the two settings.
class ReadySegments : public ::testing::Test {
 protected:
  static constexpr const char* kFirst = "000000010000000000000003";
  static constexpr const char* kSecond = "000000010000000000000004";
  static constexpr const char* kThird = "000000010000000000000005.partial";
  static constexpr const char* kHistory = "00000002.history";

  ReadySegments() {
    fs::create_directories(root() + "/data/pg_wal/archive_status");
    fs::create_directories(root() + "/archive");
    for (const char* name : {kFirst, kSecond, kThird, kHistory}) {
      write("/data/pg_wal/" + std::string(name), name);
      mark(name);
    }
  }

  [[nodiscard]] const std::string& root() const { return directory_.path(); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(root() + name) << text;
  }
  void mark(const std::string& name) {
    write("/data/pg_wal/archive_status/" + name + ".ready", "");
  }
  [[nodiscard]] bool is_marked(const std::string& name, const char* as) const {
    return fs::exists(root() + "/data/pg_wal/archive_status/" + name + as);
  }
  [[nodiscard]] bool is_archived(const std::string& name) const {
    return fs::exists(root() + "/archive/" + name);
  }
  // One name in a line, in the order of the calls.
  [[nodiscard]] std::string asked_for() const {
    std::ifstream calls(root() + "/calls");
    return {std::istreambuf_iterator<char>(calls), {}};
  }

  void archive(const std::string& mode, const std::string& command, Duration limit = 60s) {
    write("/postgres",
          "#!/bin/sh\nfor setting in \"$@\"; do :; done\n"
          "if [ $setting = archive_mode ]; then echo '" +
              mode + "'; else echo '" + command + "'; fi\n");
    fs::permissions(root() + "/postgres", fs::perms::owner_all);
    PostgresConfig config;
    config.data_dir = root() + "/data";
    config.bin_dir = root();
    asio::io_context loop;
    asio::thread_pool disk(1);
    ActContext context{.loop = loop.get_executor(),
                       .disk = disk,
                       .scope = "main",
                       .self = NodeName("a"),
                       .config = std::make_shared<const PostgresConfig>(config)};
    const ActControl control;
    asio::co_spawn(loop, archive_ready_segments(context, control, limit), asio::detached);
    loop.run();
  }
  // Notes the name, then does `then`.
  [[nodiscard]] std::string noting(const std::string& then) const {
    return "echo %f >> " + root() + "/calls; " + then;
  }
  [[nodiscard]] std::string copying() const { return "cp %p " + root() + "/archive/%f"; }

 private:
  test::TemporaryDirectory directory_;
};

TEST_F(ReadySegments, AreArchivedInTheirOrderAndMarkedAsDone) {
  archive("on", noting(copying()));
  EXPECT_EQ(asked_for(),
            std::string(kFirst) + "\n" + kSecond + "\n" + kThird + "\n" + kHistory + "\n");
  for (const char* name : {kFirst, kSecond, kThird, kHistory}) {
    EXPECT_TRUE(is_archived(name)) << name;
    EXPECT_TRUE(is_marked(name, ".done")) << name;
    EXPECT_FALSE(is_marked(name, ".ready")) << name;
  }
}

TEST_F(ReadySegments, AreNotHeldUpByOneThatFails) {
  archive("always", noting("test %f != " + std::string(kFirst) + " && " + copying()));
  EXPECT_FALSE(is_archived(kFirst));
  EXPECT_TRUE(is_marked(kFirst, ".ready"));
  EXPECT_TRUE(is_archived(kSecond));
  EXPECT_TRUE(is_marked(kSecond, ".done"));
  EXPECT_TRUE(is_archived(kThird));
}

TEST_F(ReadySegments, WhoseFileIsGoneAreLeftAlone) {
  fs::remove(root() + "/data/pg_wal/" + kFirst);
  archive("on", noting(copying()));
  EXPECT_EQ(asked_for().find(kFirst), std::string::npos);
  EXPECT_TRUE(is_marked(kFirst, ".ready"));
  EXPECT_TRUE(is_archived(kSecond));
}

TEST_F(ReadySegments, HaveNamesThatPostgresqlWouldGiveThem) {
  const std::string strange = "0000000100000000; touch here";
  write("/data/pg_wal/" + strange, "");
  mark(strange);
  archive("on", noting(copying()));
  EXPECT_EQ(asked_for().find("; touch"), std::string::npos);
  EXPECT_FALSE(fs::exists(root() + "/data/here"));
  EXPECT_TRUE(is_archived(kThird));
}

TEST_F(ReadySegments, AreGivenUpWithAnArchiveThatDoesNotAnswer) {
  archive("on", noting("exec sleep 60"), 200ms);
  EXPECT_EQ(asked_for(), std::string(kFirst) + "\n");
  EXPECT_TRUE(is_marked(kFirst, ".ready"));
}

TEST_F(ReadySegments, StayWhereNothingIsArchivedByACommand) {
  archive("off", noting(copying()));
  archive("on", "(disabled)");
  archive("on", "");
  EXPECT_EQ(asked_for(), "");
  EXPECT_TRUE(is_marked(kFirst, ".ready"));
}

}  // namespace
}  // namespace pgherd
