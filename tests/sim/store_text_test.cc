// The referee's own reading of what stands in the store.
#include "sim/store_text.h"

#include <gtest/gtest.h>

namespace pgherd::sim {
namespace {

TEST(StoreText, ReadsWhatIsThereAndNothingElse) {
  const std::string json = R"({"leader":"a","sync_standby":"b,c","quorum":1,"on":true,"x":null})";
  EXPECT_EQ(text_at(json, "leader"), "a");
  EXPECT_EQ(text_at(json, "on"), "true");
  EXPECT_EQ(text_at(json, "x"), "");
  EXPECT_EQ(text_at(json, "absent"), "");
  EXPECT_EQ(number_at(json, "quorum"), 1);
  EXPECT_EQ(number_at(json, "leader"), 0);
  EXPECT_EQ(names_at(json, "sync_standby"), (std::set<NodeName>{"b", "c"}));
  EXPECT_EQ(fields_of(R"({"a":1,"b":2})"), (std::set<std::string>{"a", "b"}));
}

TEST(StoreText, WhatCannotBeReadSaysNothing) {
  for (const std::string text : {"", "null", "[1]", "{\"leader\":"}) {
    EXPECT_EQ(text_at(text, "leader"), "") << text;
    EXPECT_EQ(number_at(text, "quorum"), 0) << text;
    EXPECT_TRUE(fields_of(text).empty()) << text;
  }
}

TEST(StoreText, FindsTheLastTimelineOfAHistory) {
  EXPECT_EQ(last_left_timeline(R"([[1,100,"x"],[4,200,"y","t","a"]])"), 4U);
  EXPECT_EQ(last_left_timeline("[]"), 0U);
  EXPECT_EQ(last_left_timeline(""), 0U);
}

}  // namespace
}  // namespace pgherd::sim
