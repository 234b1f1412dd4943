#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "sim/sim_dcs.h"

namespace pgherd::sim {
namespace {

// One agent's door to the store, at place 0.
class SimDcsTest : public ::testing::Test {
 protected:
  void run(Duration for_time) {
    const auto until = sim_.queue.now() + for_time;
    while (sim_.queue.run_next(until)) {
    }
  }
  [[nodiscard]] Instant in(Duration time) const { return time_.local(sim_.queue.now()) + time; }
  static Transaction put(const std::string& key, const std::string& value, LeaseId lease = {}) {
    Transaction transaction;
    transaction.writes.push_back(Put{.key = key, .value = value, .lease = lease});
    return transaction;
  }
  std::optional<Result<Committed, DcsError>> commit(const Transaction& transaction) {
    std::optional<Result<Committed, DcsError>> answered;
    dcs_.commit(transaction, in(1s), [&](auto answer) { answered = std::move(answer); });
    run(2s);
    return answered;
  }
  LeaseId grant(Milliseconds ttl) {
    LeaseId lease;
    dcs_.grant(ttl, in(1s), [&](auto answer) { lease = answer->id; });
    run(100ms);
    return lease;
  }

  SimContext sim_{1, 2};
  Store store_{sim_};
  LocalTime time_{Instant{}, 0};
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  SimDcs dcs_{sim_, store_, 0, time_, mailbox_};
};

TEST_F(SimDcsTest, AWriteThatArrivesIsApplied) {
  const auto answer = commit(put("/k", "v"));
  ASSERT_TRUE(answer && *answer);
  EXPECT_TRUE((*answer)->succeeded);
  EXPECT_EQ(store_.value("/k"), "v");
}

TEST_F(SimDcsTest, ALostRequestIsUnavailableAtItsDeadlineAndWasNotApplied) {
  sim_.network.cut(0, sim_.network.store());
  const auto answer = commit(put("/k", "v"));
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().kind, DcsErrorKind::Unavailable);
  EXPECT_EQ(store_.value("/k"), "");
}

TEST_F(SimDcsTest, ALostAnswerIsUnavailableThoughTheWriteWasApplied) {
  sim_.network.cut(sim_.network.store(), 0);
  const auto answer = commit(put("/k", "v"));
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().kind, DcsErrorKind::Unavailable);
  EXPECT_EQ(store_.value("/k"), "v");
}

TEST_F(SimDcsTest, AnAnswerAfterTheDeadlineIsNotTakenForOne) {
  sim_.network.set_delay(800ms, 800ms);
  int answers = 0;
  bool is_value = true;
  dcs_.commit(put("/k", "v"), in(1s), [&](const auto& answer) {
    ++answers;
    is_value = answer.has_value();
  });
  run(5s);
  EXPECT_EQ(answers, 1);
  EXPECT_FALSE(is_value);
  EXPECT_EQ(store_.value("/k"), "v");
}

TEST_F(SimDcsTest, AKeyGoesWithItsLeaseAtTheInstantItEnds) {
  const auto lease = grant(3s);
  ASSERT_TRUE(commit(put("/k", "v", lease)));
  EXPECT_EQ(store_.value("/k"), "v");
  run(3s);
  EXPECT_EQ(store_.value("/k"), "");
}

TEST_F(SimDcsTest, LeasesDoNotRunOutWhileTheStoreHasNoQuorumAndBeginAnewAfterwards) {
  const auto lease = grant(3s);
  ASSERT_TRUE(commit(put("/k", "v", lease)));
  store_.go_down();
  run(20s);
  store_.come_back();
  run(2s);
  EXPECT_EQ(store_.value("/k"), "v");
  run(2s);
  EXPECT_EQ(store_.value("/k"), "");
}

TEST_F(SimDcsTest, AWatchTellsWhatHappensAndGivesSignsOfLife) {
  std::vector<WatchBatch> batches;
  const auto watch = dcs_.watch("/", Revision{2}, 500ms, [&](const auto& batch) {
    ASSERT_TRUE(batch);
    batches.push_back(*batch);
  });
  run(100ms);
  ASSERT_TRUE(commit(put("/k", "v")));
  ASSERT_FALSE(batches.empty());
  EXPECT_EQ(batches.front().events.at(0).entry.value, "v");
  const auto before = batches.size();
  run(5s);
  EXPECT_GE(batches.size(), before + 8);
}

TEST_F(SimDcsTest, AWatchThatIsCutOffEndsByItsSilence) {
  std::optional<DcsErrorKind> ended;
  const auto watch = dcs_.watch("/", Revision{2}, 500ms, [&](const auto& batch) {
    if (!batch) ended = batch.error().kind;
  });
  run(1s);
  sim_.network.cut(sim_.network.store(), 0);
  run(3s);
  EXPECT_EQ(ended, DcsErrorKind::Unavailable);
}

TEST_F(SimDcsTest, AFrozenAgentHearsEverythingWhenItGoesOn) {
  int answers = 0;
  dcs_.commit(put("/k", "v"), in(1s), [&](const auto&) { ++answers; });
  mailbox_->freeze();
  run(10s);
  EXPECT_EQ(answers, 0);
  mailbox_->thaw();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace pgherd::sim
