#include "codec/yaml_tree.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

std::string error_of(const std::string& text) {
  try {
    (void)read_yaml(text, "f");
  } catch (const YamlError& problem) {
    return problem.what();
  }
  return "accepted";
}

TEST(Yaml, OfEachValueTheLineOfItsKeyIsKept) {
  const YamlNode root = read_yaml("a: 1\nb:\n\n  c:\n  - 1\n", "f");
  EXPECT_EQ(root.find("a")->origin, "f:1");
  EXPECT_EQ(root.find("b")->origin, "f:2");
  EXPECT_EQ(root.find("b")->find("c")->origin, "f:4");
}

TEST(Yaml, OfAKeyThatIsWrittenTwiceTheFirstIsLostAndNamed) {
  std::vector<std::string> remarks;
  const YamlNode root =
      read_yaml("a:\n  b: 1\n  b: 2\nl:\n- {c: 1, d: 1, c: 2}\na: {b: 3}\n", "f", &remarks);
  EXPECT_EQ(root.find("a")->find("b")->text, "3");
  EXPECT_EQ(remarks,
            (std::vector<std::string>{"f:3: a.b is written twice; what stands in line 2 is lost",
                                      "f:5: l.c is written twice; what stands in line 5 is lost",
                                      "f:6: a is written twice; what stands in line 1 is lost"}));
}

TEST(Yaml, WhatIsMergedInIsNotWrittenTwice) {
  std::vector<std::string> remarks;
  const YamlNode root = read_yaml(
      "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: *y, <<: *x, c: 3}\n", "f", &remarks);
  EXPECT_EQ(write_json(to_json(*root.find("z"))), R"({"c":3,"b":2,"a":1})");
  EXPECT_EQ(remarks, std::vector<std::string>{});
}

TEST(Yaml, AQuoteThatIsNotClosedDoesNotSwallowTheRest) {
  for (const char* text : {"a: 1\nb: \"x\nc: 2\n", "a: 1\nb: 'x\n\n# y\n \r\n", "a: 1\nb: \"x"})
    EXPECT_EQ(error_of(text),
              "f:2: this is no YAML: a quote that begins here or below is not closed")
        << text;
  EXPECT_EQ(error_of("a: 1\nb: 'x'\n\n \n"), "accepted");
}

TEST(Yaml, TheUsualMistakesAreExplained) {
  const auto ends = [](const std::string& text, const std::string& line,
                       const std::string& advice) {
    const std::string said = error_of(text);
    EXPECT_TRUE(said.starts_with("f:" + line + ": ")) << said;
    EXPECT_TRUE(said.ends_with(advice)) << said;
  };
  ends("a:\n\tb: 1\n", "2", "; YAML is indented with blanks, here is a tab");
  ends("a:\n  b: *:80\n", "2", "; a value that begins with * has to be in quotes");
  ends("a:\n- @b\n", "2", "; a value that begins with @ has to be in quotes");
  ends("a: %t [%p]\n", "1", "; a value that begins with % has to be in quotes");
  ends("a: b: c\n", "1", "; a value with a colon and a blank in it has to be in quotes");
  ends("a: {{ b }}\n", "1", "; {{ }} would be of a template that has to be rendered first");
}

}  // namespace
}  // namespace pgherd
