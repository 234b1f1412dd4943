#include "codec/dynamic_config.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

std::string patched(std::string_view config, std::string_view patch) {
  return merge_patch(config, patch).value_or("refused");
}

TEST(Patch, MergesObjectsAndReplacesTheRest) {
  EXPECT_EQ(patched(R"({"ttl":30,"postgresql":{"parameters":{"a":1,"b":2}}})",
                    R"({"ttl":20,"postgresql":{"parameters":{"b":3}},"pause":true})"),
            R"({"ttl":20,"postgresql":{"parameters":{"a":1,"b":3}},"pause":true})");
  EXPECT_EQ(patched(R"({"a":[1,2]})", R"({"a":[3]})"), R"({"a":[3]})");
  EXPECT_EQ(patched(R"({"a":1})", R"({"a":{"b":2}})"), R"({"a":{"b":2}})");
  EXPECT_EQ(patched(R"({"a":{"b":2}})", R"({"a":1})"), R"({"a":1})");
}

TEST(Patch, RemovesWhatIsSetToNull) {
  EXPECT_EQ(patched(R"({"pause":true,"ttl":30})", R"({"pause":null})"), R"({"ttl":30})");
  EXPECT_EQ(patched(R"({"a":{"b":1,"c":2}})", R"({"a":{"b":null}})"), R"({"a":{"c":2}})");
  EXPECT_EQ(patched(R"({"a":1})", R"({"never":null})"), R"({"a":1})");
  // Into a new subtree null goes as it is.
  EXPECT_EQ(patched("{}", R"({"slots":{"s":null}})"), R"({"slots":{"s":null}})");
}

TEST(Patch, ThatPrintsTheSameChangesNothing) {
  EXPECT_EQ(patched(R"({"ttl":30})", R"({"ttl":"30"})"), R"({"ttl":30})");
  EXPECT_EQ(patched(R"({"a":"True"})", R"({"a":true})"), R"({"a":"True"})");
  EXPECT_EQ(patched(R"({"a":1})", R"({"a":1.0})"), R"({"a":1.0})");
  EXPECT_EQ(patched(R"({"a":[1]})", R"({"a":["1"]})"), R"({"a":["1"]})");
}

TEST(Patch, OfOrWithSomethingElseIsRefused) {
  EXPECT_NE(merge_patch("[]", "{}").error().find("stored configuration"), std::string::npos);
  EXPECT_NE(merge_patch("{}", "17").error().find("the patch"), std::string::npos);
  EXPECT_FALSE(merge_patch("{}", std::string(100'000, '[')));
}

TEST(SameConfig, LooksAtWhatIsSaidAndNotAtHow) {
  EXPECT_TRUE(is_same_config(R"({"a":1,"b":{"c":"2"}})", R"({ "b": {"c": 2}, "a": "1" })"));
  EXPECT_FALSE(is_same_config(R"({"a":1})", R"({"a":1,"b":null})"));
  EXPECT_FALSE(is_same_config(R"({"a":1})", R"({"b":1})"));
  EXPECT_FALSE(is_same_config(R"({"a":{}})", R"({"a":[]})"));
  EXPECT_FALSE(is_same_config("x", "x"));
}

TEST(Yaml, ShowsAConfigurationInBlocksWithSortedKeys) {
  EXPECT_EQ(config_to_yaml(
                R"({"ttl":30,"slots":{},"postgresql":{"pg_hba":["host all all 0.0.0.0/0 md5"],)"
                R"("parameters":{"wal_level":"logical","max_connections":200}},"ignore_slots":)"
                R"([{"type":"logical","name":"a"},[1,[]]],"pause":true,"x":null,"y":0.5})"),
            "ignore_slots:\n"
            "- name: a\n"
            "  type: logical\n"
            "- - 1\n"
            "  - []\n"
            "pause: true\n"
            "postgresql:\n"
            "  parameters:\n"
            "    max_connections: 200\n"
            "    wal_level: logical\n"
            "  pg_hba:\n"
            "  - host all all 0.0.0.0/0 md5\n"
            "slots: {}\n"
            "ttl: 30\n"
            "x: null\n"
            "y: 0.5\n");
  EXPECT_EQ(config_to_yaml("{}"), "{}\n");
  EXPECT_FALSE(config_to_yaml("{"));
}

TEST(Yaml, QuotesStringsThatWouldBeReadAsSomethingElse) {
  for (const char* text :
       {"on",         "No", "null", "~",    "",     "12",  "0x1F", "1_000", "1.5", "1:30", ".inf",
        "2026-08-01", "=",  "<<",   "a: b", "a #b", "- a", "#a",   "*a",    "&a",  "!a",   "@a",
        "%a",         "[a", "{a",   "'a",   "?",    "-",   " a",   "a ",    "a:",  "---"}) {
    const std::string quoted = std::string("'") + (text[0] == '\'' ? "'" : "") + text + "'\n";
    EXPECT_EQ(config_to_yaml("\"" + std::string(text) + "\""), quoted);
  }
  for (const char* text : {"a:b", "a#b", "-a", "?a", "1e5", "12a", "md5", "0.0.0.0/0", "a'b", "y",
                           "30min", "128MB", ":a", "off-site"}) {
    EXPECT_EQ(config_to_yaml("{\"k\":\"" + std::string(text) + "\"}"),
              "k: " + std::string(text) + "\n");
  }
}

TEST(Yaml, EscapesWhatCannotBeShown) {
  EXPECT_EQ(config_to_yaml(R"({"k":"a\tb"})"), "k: \"a\\tb\"\n");
  EXPECT_EQ(config_to_yaml(R"({"k":"a\u0007\u00a0é"})"), "k: \"a\\a\xC2\xA0é\"\n");
  EXPECT_EQ(config_to_yaml(R"({"k":"a\nb"})"), "k: 'a\n\n  b'\n");
  EXPECT_EQ(config_to_yaml(R"({"k":"a \nb"})"), "k: \"a \\nb\"\n");
}

TEST(YamlOnOneLine, QuotesWhatMeansSomethingBetweenBrackets) {
  EXPECT_EQ(json_to_yaml_flow(R"({"zone":"b","d":[],"list":["a, b",2,null,{"x":"on"}]})"),
            "{d: [], list: ['a, b', 2, null, {x: 'on'}], zone: b}");
  for (const char* text : {"a,b", "a:b", "?a", "[a", "a]", "{a", "a}"})
    EXPECT_EQ(json_to_yaml_flow("\"" + std::string(text) + "\""), "'" + std::string(text) + "'");
  EXPECT_FALSE(json_to_yaml_flow("{"));
}

TEST(YamlOnOneLine, IsOneLineAndReadsBackWhateverIsInIt) {
  const std::string long_text = std::string(150, 'a') + " " + std::string(150, 'b') + " c";
  const std::vector<std::string> texts = {R"(a\nb)", R"(a\n)", R"( \t)",     R"(a \nb)",
                                          "",        "#",      R"(é\u2028)", R"(it's: \"so\")",
                                          "- a",     long_text};
  for (const std::string& text : texts) {
    const std::string json = R"({"k":[")" + text + R"("]})";
    const auto line = json_to_yaml_flow(json);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->find('\n'), std::string::npos) << *line;
    EXPECT_TRUE(is_same_config(yaml_to_json(*line).value_or("no YAML"), json)) << *line;
  }
}

TEST(Yaml, FoldsLinesBeyondTwoHundredColumns) {
  std::string words = "w";
  for (int i = 0; i < 50; ++i)
    words += " abcd";
  const auto yaml = config_to_yaml("{\"k\":\"" + words + "\"}");
  ASSERT_TRUE(yaml);
  EXPECT_EQ(yaml->find('\n'), 204U);
  EXPECT_EQ(yaml_to_json(*yaml), "{\"k\":\"" + words + "\"}");
}

TEST(Yaml, OfOneValueIsAValue) {
  EXPECT_EQ(yaml_to_json("on"), "true");
  EXPECT_EQ(yaml_to_json("'on'"), "\"on\"");
  EXPECT_EQ(yaml_to_json("0x10"), "16");
  EXPECT_EQ(yaml_to_json("0777"), "511");
  EXPECT_EQ(yaml_to_json("1:30"), "90");
  EXPECT_EQ(yaml_to_json("1_000"), "1000");
  EXPECT_EQ(yaml_to_json("0.25"), "0.25");
  EXPECT_EQ(yaml_to_json("1e5"), "\"1e5\"");
  EXPECT_EQ(yaml_to_json("99999999999999999999"), "\"99999999999999999999\"");
  EXPECT_EQ(yaml_to_json(""), "null");
  EXPECT_EQ(yaml_to_json("quorum"), "\"quorum\"");
  EXPECT_EQ(yaml_to_json("{a: 1, b: [x, null]}"), R"({"a":1,"b":["x",null]})");
}

TEST(Yaml, KnowsAnchorsAndMergeKeys) {
  EXPECT_EQ(yaml_to_json("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n"),
            R"({"base":{"x":1,"y":2},"more":{"y":3,"x":1}})");
  EXPECT_EQ(yaml_to_json("a: 1\na: 2\n"), R"({"a":2})");
}

TEST(Yaml, ThatIsNoneIsRefusedWithItsLine) {
  EXPECT_NE(yaml_to_json("a: 1\nb: [\n").error().find("document:"), std::string::npos);
  EXPECT_TRUE(yaml_to_json("a: b\n c: d\n").error().starts_with("document:2: "));
  EXPECT_TRUE(yaml_to_json("x: 1\n? [a]\n: 2\n").error().starts_with("document:2: a key must"));
  EXPECT_FALSE(yaml_to_json("a: 1\n---\nb: 2\n"));
  EXPECT_FALSE(yaml_to_json(","));
}

TEST(Yaml, ThatWouldGrowWithoutEndIsRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j)
      bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_FALSE(yaml_to_json(bomb));
}

}  // namespace
}  // namespace pgherd
