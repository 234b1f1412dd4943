#include "postgres/local/timeline_numbers.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace pgherd::test {
namespace {

class TimelineNumbers : public ::testing::Test {
 protected:
  void SetUp() override {
    char made[] = "/tmp/pgherd-timelines-XXXXXX";
    dir_ = ::mkdtemp(made);
    std::filesystem::create_directory(dir_ + "/pg_wal");
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::set<std::string> histories() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/pg_wal")) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  std::string dir_;
};

TEST_F(TimelineNumbers, NeedNothingWhenTheNextOneIsWanted) {
  EXPECT_TRUE(skip_timeline_numbers(dir_, Timeline{2}, Timeline{3}));
  EXPECT_TRUE(skip_timeline_numbers(dir_, Timeline{2}, Timeline{}));
  EXPECT_TRUE(histories().empty());
}

TEST_F(TimelineNumbers, AreSkippedUpToTheOneThatIsWanted) {
  EXPECT_TRUE(skip_timeline_numbers(dir_, Timeline{2}, Timeline{5}));
  EXPECT_EQ(histories(), (std::set<std::string>{"00000003.history", "00000004.history"}));
}

TEST_F(TimelineNumbers, ThatAreKnownKeepTheirHistory) {
  std::ofstream(dir_ + "/pg_wal/00000003.history") << "2\t0/5000000\treal\n";
  EXPECT_TRUE(skip_timeline_numbers(dir_, Timeline{2}, Timeline{5}));
  forget_skipped_timeline_numbers(dir_);
  EXPECT_EQ(histories(), std::set<std::string>{"00000003.history"});
}

TEST_F(TimelineNumbers, BelowATimelineThatWasReachedStayForTheStandbysThatAskForThem) {
  EXPECT_TRUE(skip_timeline_numbers(dir_, Timeline{2}, Timeline{5}));
  std::ofstream(dir_ + "/pg_wal/00000005.history") << "2\t0/5000000\treal\n";
  forget_skipped_timeline_numbers(dir_);
  EXPECT_EQ(histories(),
            (std::set<std::string>{"00000003.history", "00000004.history", "00000005.history"}));
}

TEST_F(TimelineNumbers, FarAwayAreAMistakeAndNothingIsWritten) {
  EXPECT_FALSE(skip_timeline_numbers(dir_, Timeline{2}, Timeline{2000000}));
  EXPECT_TRUE(histories().empty());
}

}  // namespace
}  // namespace pgherd::test
