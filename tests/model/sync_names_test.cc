#include "model/sync_names.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

SyncNames read(std::string_view text) {
  const auto names = parse_sync_names(text);
  EXPECT_TRUE(names) << text;
  return names.value_or(SyncNames{});
}

TEST(SyncNames, AreReadInEveryFormThatPostgresqlTakes) {
  EXPECT_EQ(read(""), SyncNames{});
  EXPECT_EQ(read("b"), all_of({"b"}));
  EXPECT_EQ(read("FIRST 2 (b, c)"), all_of({"b", "c"}));
  EXPECT_EQ(read("2(b,c)"), all_of({"b", "c"}));
  EXPECT_EQ(read("any 1 ( \"b\" ,c )"), any_of(1, {"b", "c"}));
  EXPECT_EQ(read("ANY 2(b, \"pg-1\", \"say \"\"hi\"\"\")"), any_of(2, {"b", "pg-1", "say \"hi\""}));
  EXPECT_EQ(read("3"), all_of({"3"})) << "a number alone is a name";
  const SyncNames list = read("b, c");
  EXPECT_EQ(list.count, 1) << "a list without a number waits for the first";
  EXPECT_FALSE(list.demands_all());
}

TEST(SyncNames, KnowThatAStarNamesNobody) {
  EXPECT_TRUE(read("*").has_star);
  EXPECT_TRUE(read("*").names.empty());
  EXPECT_FALSE(read("*").demands_all());
  EXPECT_FALSE(read("*").is_empty());
}

TEST(SyncNames, RefuseWhatPostgresqlRefuses) {
  for (const char* text : {"ANY (b)", "b c", "(b)", "2 (b", "0 (b)", "b,", "\"b", "ANY 1 b", "a;b"})
    EXPECT_FALSE(parse_sync_names(text)) << text;
}

TEST(SyncNames, AreTheSameInAnyCase) {
  EXPECT_EQ(common({"Rome", "oslo"}, {"ROME"}).size(), 1U);
  EXPECT_TRUE(is_within({"OSLO"}, {"rome", "oslo"}));
  EXPECT_FALSE(same_name("rome", "rom"));
}

TEST(SyncNames, AreWrittenSortedAndQuoted) {
  EXPECT_EQ(to_string(SyncNames{}), "");
  EXPECT_EQ(to_string(all_of({"b"})), "\"b\"");
  EXPECT_EQ(to_string(all_of({"c", "b"})), "2 (\"b\",\"c\")");
  EXPECT_EQ(to_string(any_of(1, {"b"})), "ANY 1 (\"b\")");
  EXPECT_EQ(to_string(any_of(1, {"first", "a\"b"})), "ANY 1 (\"a\"\"b\",\"first\")");
  EXPECT_EQ(to_string(nobody_yet(SyncNames::Method::First)), kNobodysName);
  EXPECT_EQ(to_string(nobody_yet(SyncNames::Method::Any)),
            "ANY 1 (" + std::string(kNobodysName) + ")");
}

TEST(SyncNames, AreReadAsTheyWereWritten) {
  for (const SyncNames& names : {all_of({"a"}), all_of({"pg-1", "Pg0"}),
                                 any_of(2, {"x", "y", "any"}), nobody_yet(SyncNames::Method::Any)})
    EXPECT_EQ(read(to_string(names)), names) << to_string(names);
}

}  // namespace
}  // namespace pgherd
