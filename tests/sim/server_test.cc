#include "sim/server.h"

#include <gtest/gtest.h>

#include <memory>

#include "sim/guardian.h"
#include "sim/sim_instance.h"

namespace pgherd::sim {
namespace {

// Three servers with the same data, "a" a running primary and the others streaming from it.
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sim_.network.set_delay(1ms, 1ms);
    for (Place place = 0; place < 3; ++place) {
      const NodeName name(1, static_cast<char>('a' + place));
      all_.push_back(std::make_unique<SimServer>(sim_, servers_, place, name));
      servers_[name] = all_.back().get();
      auto& directory = all_.back()->directory();
      directory.state = DataDirectory::Valid;
      directory.system_id = "7000000000000000001";
      directory.control = ControlState::ShutDown;
      directory.control_timeline = directory.newest_timeline = Timeline{1};
      directory.wal.append({.id = 1, .timeline = Timeline{1}, .end = Lsn{1000}});
    }
    sim_.next_id = 100;
    at("a").boot(false, [](bool) {});
    for (const auto* name : {"b", "c"}) {
      at(name).directory().upstream.host = "a";
      at(name).boot(true, [](bool) {});
    }
    run(10s);
    mailbox_ = std::make_shared<Mailbox>();
  }
  SimServer& at(const std::string& name) { return *servers_.at(name); }
  void run(Duration time) {
    const auto until = sim_.queue.now() + time;
    while (sim_.queue.run_next(until)) {
    }
  }
  std::unique_ptr<SimInstance> door(const std::string& name) {
    return std::make_unique<SimInstance>(sim_, servers_, at(name), time_, mailbox_, nullptr);
  }
  ActResult perform(SimInstance& instance, const Step& step, Duration time = 60s) {
    ActResult result{.outcome = ActOutcome::TimedOut, .detail = "no answer", .divergence = {}};
    instance.perform(step, [&](ActResult answer) { result = std::move(answer); });
    run(time);
    return result;
  }
  static Upstream upstream(const std::string& name) {
    return {.name = name, .host = name, .port = "5432", .slot = ""};
  }

  SimContext sim_{7, 3};
  Servers servers_;
  LocalTime time_{Instant{}, 0};
  std::vector<std::unique_ptr<SimServer>> all_;
  std::shared_ptr<Mailbox> mailbox_;
};

TEST_F(ServerTest, StandbysReceiveWhatThePrimaryWrites) {
  ASSERT_TRUE(at("a").write());
  run(1s);
  EXPECT_EQ(at("b").directory().wal.end(), at("a").directory().wal.end());
  EXPECT_TRUE(at("c").is_streaming_from(at("a")));
}

TEST_F(ServerTest, OnlyARunningPrimaryCanAcknowledge) {
  EXPECT_FALSE(at("b").write());
  at("a").kill();
  EXPECT_FALSE(at("a").write());
}

TEST_F(ServerTest, APromotionBeginsANewTimelineThatTheOthersFollow) {
  at("a").kill();
  run(1s);
  at("b").promote();
  EXPECT_EQ(at("b").directory().wal.timeline(), Timeline{2});
  at("c").follow({.host = "b", .port = "5432", .slot = ""});
  run(5s);
  EXPECT_TRUE(at("c").is_streaming_from(at("b")));
  EXPECT_EQ(at("c").directory().wal.timeline(), Timeline{2});
}

TEST_F(ServerTest, APrimaryThatHasMoreThanTheNewOneHasDivergedAndCannotStream) {
  sim_.network.cut_both(0, 1);
  sim_.network.cut_both(0, 2);
  ASSERT_TRUE(at("a").write());
  at("a").kill();
  at("b").promote();
  sim_.network.heal_all();
  auto instance = door("a");
  const auto examined = perform(*instance, ExamineDivergence{.source = upstream("b")});
  ASSERT_TRUE(examined.divergence);
  EXPECT_EQ(examined.divergence->verdict, Divergence::Diverged);
  EXPECT_EQ(perform(*instance, StartStandby{.upstream = upstream("b")}).outcome, ActOutcome::Done);
  EXPECT_FALSE(at("a").is_streaming_from(at("b")));
}

TEST_F(ServerTest, RewindMakesADivergedPrimaryFit) {
  sim_.network.cut_both(0, 1);
  ASSERT_TRUE(at("a").write());
  at("a").kill();
  at("b").promote();
  sim_.network.heal_all();
  auto instance = door("a");
  EXPECT_EQ(perform(*instance, Rewind{.source = upstream("b")}, 1s).outcome, ActOutcome::Failed)
      << "before the checkpoint pg_control of the source shows the old timeline";
  at("b").checkpoint();
  EXPECT_EQ(perform(*instance, Rewind{.source = upstream("b")}).outcome, ActOutcome::Done);
  EXPECT_EQ(perform(*instance, StartStandby{.upstream = upstream("b")}).outcome, ActOutcome::Done);
  EXPECT_TRUE(at("a").is_streaming_from(at("b")));
}

TEST_F(ServerTest, AFastShutdownGivesStandbysTheLastRecordBeforeItEnds) {
  auto instance = door("a");
  EXPECT_EQ(perform(*instance, Demote{.mode = DemoteMode::Graceful}).outcome, ActOutcome::Done);
  EXPECT_EQ(at("a").directory().control, ControlState::ShutDown);
  EXPECT_EQ(at("b").directory().wal.end(), at("a").directory().wal.end());
}

TEST_F(ServerTest, AfterACleanHandoverTheOldPrimaryFollowsWithoutARewind) {
  auto instance = door("a");
  ASSERT_EQ(perform(*instance, Demote{.mode = DemoteMode::Graceful}).outcome, ActOutcome::Done);
  at("b").promote();
  const auto examined = perform(*instance, ExamineDivergence{.source = upstream("b")});
  ASSERT_TRUE(examined.divergence);
  EXPECT_EQ(examined.divergence->verdict, Divergence::None);
}

TEST_F(ServerTest, APromotionIsRefusedWhenTheLeaseHasRunOut) {
  at("a").kill();
  auto instance = door("b");
  const Promote late{.lease_valid_until = time_.local(sim_.queue.now())};
  EXPECT_EQ(perform(*instance, late).outcome, ActOutcome::Failed);
  EXPECT_TRUE(at("b").is_in_recovery());
}

TEST_F(ServerTest, AnInterruptedCopyLeavesADirectoryThatCannotBeStarted) {
  at("c").kill();
  at("c").directory() = SimServer::Directory{};
  auto instance = door("c");
  instance->perform(CloneFrom{.source = upstream("a")}, [](const ActResult&) {});
  run(300ms);
  instance.reset();
  EXPECT_EQ(at("c").directory().state, DataDirectory::Broken);
}

TEST_F(ServerTest, TheGuardianKillsAtTheOrderedInstantUnlessANewerOrderCame) {
  Guardian guardian(sim_, time_, at("a"));
  const auto now = time_.local(sim_.queue.now());
  guardian.arm(now + 1s, 0);
  guardian.arm(now + 3s, 0);
  run(2s);
  EXPECT_EQ(at("a").process(), ProcessState::Running);
  run(2s);
  EXPECT_EQ(at("a").process(), ProcessState::Stopped);
}

// Whether a commit at this position is acknowledged, and as a synchronous one.
std::string outcome(SyncCommit& commits, Lsn end, const SyncCommit::Reported& reported) {
  std::string told = "waits";
  commits.wait(1, end, Instant{}, [&](const Commit& commit) {
    told = commit.is_synchronous ? "synchronous" : "asynchronous";
  });
  commits.release(reported);
  commits.end();
  return told;
}

TEST(SyncCommit, IsAcknowledgedAsPostgresqlDoesIt) {
  const SyncCommit::Reported reported{{"b", Lsn{200}}, {"c", Lsn{100}}};
  const auto with = [&](const std::string& names, Lsn end) {
    SyncCommit commits;
    commits.begin(names);
    return outcome(commits, end, reported);
  };
  EXPECT_EQ(with("", Lsn{300}), "asynchronous");
  EXPECT_EQ(with("\"b\"", Lsn{200}), "synchronous");
  EXPECT_EQ(with("\"b\"", Lsn{201}), "waits");
  EXPECT_EQ(with("2 (\"b\",\"c\")", Lsn{101}), "waits");
  EXPECT_EQ(with("2 (\"b\",\"c\")", Lsn{100}), "synchronous");
  EXPECT_EQ(with("ANY 1 (\"b\",\"c\")", Lsn{200}), "synchronous");
  EXPECT_EQ(with("ANY 1 (\"c\",\"d\")", Lsn{101}), "waits");
  EXPECT_EQ(with("1 (\"d\",\"c\",\"b\")", Lsn{150}), "waits") << "c comes first in the list";
  EXPECT_EQ(with("1 (\"d\",\"b\",\"c\")", Lsn{150}), "synchronous");
  EXPECT_EQ(with("FIRST 1 (c, *)", Lsn{150}), "waits");
  EXPECT_EQ(with("any 1 (B)", Lsn{200}), "synchronous");
  EXPECT_EQ(with("\"say \"\"b\"\"\", b", Lsn{200}), "synchronous");
  EXPECT_EQ(with("ANY 1 ()", Lsn{200}), "synchronous") << "what cannot be read waits for anybody";
  EXPECT_EQ(with("nobody", Lsn{1}), "waits");
  EXPECT_EQ(with("*", Lsn{200}), "synchronous");
}

TEST(SyncCommit, GoesByTheOldOrTheNewNamesUntilEveryProcessHasReadThem) {
  SyncCommit commits;
  commits.begin("\"b\"");
  commits.reload("\"c\"");
  EXPECT_EQ(outcome(commits, Lsn{100}, {{"b", Lsn{100}}}), "synchronous");
  EXPECT_EQ(outcome(commits, Lsn{100}, {{"c", Lsn{100}}}), "synchronous");
  commits.settle();
  EXPECT_EQ(outcome(commits, Lsn{100}, {{"b", Lsn{100}}}), "waits");
}

}  // namespace
}  // namespace pgherd::sim
