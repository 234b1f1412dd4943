#include "drill/writes.h"

#include <gtest/gtest.h>

namespace pgherd::drill {
namespace {

Instant at(Duration since) {
  return Instant{} + since;
}

WriteRecord acknowledged(std::initializer_list<Duration> times) {
  WriteRecord record;
  std::int64_t row = 0;
  for (const Duration time : times)
    record.acknowledged.push_back({.row = ++row, .at = at(time)});
  return record;
}

TEST(LongestSilence, LastsFromOneAcknowledgementToTheNext) {
  const auto silence =
      longest_silence(acknowledged({10ms, 20ms, 520ms, 530ms}), at(25ms), at(540ms));
  ASSERT_TRUE(silence);
  EXPECT_EQ(silence->length(), 500ms) << "the client was without one from 20 ms on";
}

TEST(LongestSilence, BeforeTheFaultDoesNotCount) {
  const auto silence = longest_silence(acknowledged({10ms, 900ms, 910ms}), at(905ms), at(920ms));
  ASSERT_TRUE(silence);
  EXPECT_EQ(silence->length(), 10ms);
}

TEST(LongestSilence, ThatHasNotEndedCounts) {
  const auto silence = longest_silence(acknowledged({10ms, 20ms}), at(25ms), at(3s));
  ASSERT_TRUE(silence);
  EXPECT_EQ(silence->length(), 2980ms);
}

TEST(LongestSilence, IsNotKnownToAClientThatHadNotWritten) {
  EXPECT_FALSE(longest_silence(acknowledged({}), at(25ms), at(3s)));
  EXPECT_FALSE(longest_silence(acknowledged({30ms}), at(25ms), at(3s)));
}

TEST(LostRows, AreThoseThatWereAcknowledgedAndAreGone) {
  const WriteRecord record = acknowledged({10ms, 20ms, 30ms});
  EXPECT_EQ(lost_rows(record, {1, 2, 3, 4}), 0) << "more than was acknowledged is no loss";
  EXPECT_EQ(lost_rows(record, {1, 4}), 2);
}

}  // namespace
}  // namespace pgherd::drill
