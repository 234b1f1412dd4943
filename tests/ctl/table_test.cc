#include "ctl/table.h"

#include <gtest/gtest.h>

namespace pgherd::ctl::test {
namespace {

Table history() {
  return {.columns = {{"TL", Align::Right}, {"LSN", Align::Right}, {"Reason"}},
          .rows = {{number_cell(1), number_cell(83886432), text_cell("no recovery target")},
                   {number_cell(12), number_cell(9), text_cell("")}}};
}

TEST(PrettyTable, AlignsColumnsAndTheirHeaders) {
  EXPECT_EQ(render_pretty(history()),
            "+----+----------+--------------------+\n"
            "| TL |      LSN | Reason             |\n"
            "+----+----------+--------------------+\n"
            "|  1 | 83886432 | no recovery target |\n"
            "| 12 |        9 |                    |\n"
            "+----+----------+--------------------+\n");
}

TEST(PrettyTable, CutsATitleThatIsTooLong) {
  Table table{.title = " a very long title ", .columns = {{"x"}, {"y"}}};
  EXPECT_EQ(render_pretty(table),
            "+ a very+\n"
            "| x | y |\n"
            "+---+---+\n"
            "+---+---+\n");
}

TEST(PrettyTable, CountsCharactersNotBytes) {
  Table table{.columns = {{"n"}}, .rows = {{text_cell("\xC3\xA4\xC3\xB6")}, {text_cell("abc")}}};
  EXPECT_EQ(render_pretty(table),
            "+-----+\n"
            "| n   |\n"
            "+-----+\n"
            "| \xC3\xA4\xC3\xB6  |\n"
            "| abc |\n"
            "+-----+\n");
}

TEST(TsvTable, KeepsARowOnItsLine) {
  Table table{.columns = {{"a"}, {"b"}},
              .rows = {{text_cell("one\ntwo\tthree"), object_cell(R"({"b":1,"a":["x"]})")}}};
  EXPECT_EQ(render_tsv(table), "a\tb\none\\ntwo\\tthree\t{a: [x], b: 1}\n");
  EXPECT_EQ(render_tsv(table, "|"), "a|b\none\\ntwo\tthree|{a: [x], b: 1}\n");
}

TEST(JsonTable, KeepsOrEmptiesColumnsAsTheTableSays) {
  Table table = history();
  table.rows.erase(table.rows.begin());
  EXPECT_EQ(render_json(table), "[{\"TL\": 12, \"LSN\": 9, \"Reason\": \"\"}]\n");
  table.keeps_empty_cells = false;
  EXPECT_EQ(render_json(table), "[{\"TL\": 12, \"LSN\": 9}]\n");
  EXPECT_EQ(render_json(Table{}), "[]\n");
}

TEST(JsonTable, EscapesWhatIsNotAscii) {
  Table table{.columns = {{"n"}}, .rows = {{text_cell("\xC3\xA4")}}};
  EXPECT_EQ(render_json(table), "[{\"n\": \"\\u00e4\"}]\n");
}

TEST(YamlTable, IsAListOfSortedMapsAndAnEmptyLine) {
  Table table = history();
  table.rows.pop_back();
  EXPECT_EQ(render_yaml(table), "- LSN: 83886432\n  Reason: no recovery target\n  TL: 1\n\n");
}

TEST(Format, HasFourNamesAndAnAlias) {
  EXPECT_EQ(parse_format("yml"), Format::Yaml);
  EXPECT_EQ(parse_format("pretty"), Format::Pretty);
  EXPECT_EQ(parse_format("xml"), std::nullopt);
}

}  // namespace
}  // namespace pgherd::ctl::test
