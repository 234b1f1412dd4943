#include "ctl/values_text.h"

#include <gtest/gtest.h>

namespace pgherd::ctl::test {
namespace {

TEST(YamlBlock, NestsByTwoBlanksWithSortedKeys) {
  EXPECT_EQ(yaml_block(R"({"ttl":30,"postgresql":{"use_pg_rewind":true,"parameters":
                          {"max_connections":100}},"pause":false,"slots":{}})"),
            "pause: false\n"
            "postgresql:\n"
            "  parameters:\n"
            "    max_connections: 100\n"
            "  use_pg_rewind: true\n"
            "slots: {}\n"
            "ttl: 30\n");
}

TEST(YamlBlock, PutsListsAtTheHeightOfTheirKey) {
  EXPECT_EQ(yaml_block(R"({"pg_hba":["local all all trust","host all all 0/0 md5"],
                          "ignore_slots":[{"type":"logical","name":"x"},[1,2]]})"),
            "ignore_slots:\n"
            "- name: x\n"
            "  type: logical\n"
            "- - 1\n"
            "  - 2\n"
            "pg_hba:\n"
            "- local all all trust\n"
            "- host all all 0/0 md5\n");
}

TEST(YamlBlock, QuotesTextThatWouldBeReadAsSomethingElse) {
  EXPECT_EQ(yaml_block(R"({"a":"true","b":"10","c":"","d":"it's: so","f":"1.5",
                          "g":"on","h":null,"j":"%p","k":"16MB"})"),
            "a: 'true'\n"
            "b: '10'\n"
            "c: ''\n"
            "d: 'it''s: so'\n"
            "f: '1.5'\n"
            "g: 'on'\n"
            "h: null\n"
            "j: '%p'\n"
            "k: 16MB\n");
}

TEST(YamlFlow, IsOneLine) {
  EXPECT_EQ(yaml_flow(R"({"zone":"b","nofailover":true,"list":["a, b",2]})"),
            "{list: ['a, b', 2], nofailover: true, zone: b}");
}

TEST(SpacedJson, KeepsTheOrderOfKeys) {
  EXPECT_EQ(spaced_json(R"({"b":[1,2.5,"x"],"a":{}})"), R"({"b": [1, 2.5, "x"], "a": {}})");
}

TEST(ValuesText, ShowsWhatIsNoJsonAsItIs) {
  EXPECT_EQ(yaml_block("{oops"), "{oops\n");
  EXPECT_EQ(spaced_json("{oops"), "{oops");
}

}  // namespace
}  // namespace pgherd::ctl::test
