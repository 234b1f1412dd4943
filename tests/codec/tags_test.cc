#include "codec/tags.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

TEST(Tags, ThatAreAbsentOrNoObjectAreTheDefaults) {
  for (const char* text : {"", "{}", "[]", "null", "x"})
    EXPECT_EQ(decode_tags(text), Tags{});
}

TEST(Tags, FlagsAreBooleansInAnySpelling) {
  const Tags tags =
      decode_tags(R"({"clonefrom":"yes","noloadbalance":1,"nostream":"on","nosync":"false"})");
  EXPECT_TRUE(tags.clonefrom);
  EXPECT_TRUE(tags.noloadbalance);
  EXPECT_TRUE(tags.nostream);
  EXPECT_FALSE(tags.nosync);
  EXPECT_EQ(tags.published, R"({"clonefrom":"yes","noloadbalance":1,"nostream":"on"})");
}

TEST(Tags, APriorityOfZeroExcludesLikeTheFlag) {
  EXPECT_TRUE(decode_tags(R"({"failover_priority":0})").nofailover);
  EXPECT_TRUE(decode_tags(R"({"failover_priority":"-3"})").nofailover);
  EXPECT_TRUE(decode_tags(R"({"sync_priority":0})").nosync);
  EXPECT_EQ(decode_tags(R"({"nofailover":true})").failover_priority, 0);
  EXPECT_EQ(decode_tags(R"({"nosync":true})").sync_priority, 0);
  EXPECT_EQ(decode_tags(R"({"failover_priority":"7"})").failover_priority, 7);
}

TEST(Tags, OfOneThatIsToBeLetGoSayNosync) {
  const Tags tags = released_from_sync(
      decode_tags(R"({"clonefrom":true,"nosync":false,"sync_priority":3,"zone":"x"})"));
  EXPECT_TRUE(tags.nosync);
  EXPECT_EQ(tags.sync_priority, 0);
  EXPECT_TRUE(tags.clonefrom);
  EXPECT_EQ(tags, decode_tags(tags.published)) << "it is read back as it was meant";
  EXPECT_EQ(released_from_sync(Tags{}).published, R"({"nosync":true,"sync_priority":0})");
}

TEST(Tags, TheFlagBeatsThePriorityBothWays) {
  const Tags may = decode_tags(R"({"nofailover":false,"failover_priority":0})");
  EXPECT_FALSE(may.nofailover);
  EXPECT_EQ(may.failover_priority, 1);
  const Tags must_not = decode_tags(R"({"nofailover":true,"failover_priority":5})");
  EXPECT_TRUE(must_not.nofailover);
  EXPECT_EQ(must_not.failover_priority, 0);
}

TEST(Tags, ArePublishedWithoutFlagsThatSayNothing) {
  EXPECT_EQ(decode_tags(R"({"nofailover":false,"nosync":false,"clonefrom":false})").published, "");
  // Beside its priority an explicit false says something.
  EXPECT_EQ(decode_tags(R"({"nofailover":false,"failover_priority":0,"nosync":false})").published,
            R"({"nofailover":false,"failover_priority":0})");
}

// Patroni publishes a word as its file had it, and every word is true to it: it will not lead.
TEST(Tags, OfAMemberThatAreWordsAreSetWhateverTheySay) {
  const char* words = R"({"nofailover":"false","noloadbalance":"no","nosync":"0","clonefrom":"x"})";
  const Tags published = decode_member_tags(words);
  EXPECT_TRUE(published.nofailover);
  EXPECT_TRUE(published.noloadbalance);
  EXPECT_TRUE(published.nosync);
  EXPECT_TRUE(published.clonefrom);
  EXPECT_FALSE(decode_member_tags(R"({"nofailover":"","nostream":"off"})").nofailover);
  EXPECT_FALSE(decode_member_tags(R"({"nostream":"off"})").nostream) << "which Patroni reads";
  // In a file of ours it means what it says, and is published as what everybody takes so.
  EXPECT_FALSE(decode_tags(words).nofailover);
  EXPECT_EQ(decode_tags(R"({"nofailover":"false","failover_priority":0})").published,
            R"({"nofailover":false,"failover_priority":0})");
}

TEST(Tags, OfPeopleAreCopiedThrough) {
  const Tags tags = decode_tags(R"({"replicatefrom":"node-c","zone":{"a":[1,"x"]},"empty":null})");
  EXPECT_EQ(tags.replicatefrom, "node-c");
  EXPECT_EQ(tags.published, R"({"replicatefrom":"node-c","zone":{"a":[1,"x"]}})");
}

}  // namespace
}  // namespace pgherd
