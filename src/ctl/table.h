// Table: rows under named columns, and the four ways in which ctl prints them (as
// patronictl). Pure: text in, text out. Duplicate column names are legal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgherd::ctl {

enum class Format { Pretty, Tsv, Json, Yaml };
// "pretty", "tsv", "json", "yaml" or "yml".
[[nodiscard]] std::optional<Format> parse_format(std::string_view text);

enum class Align { Left, Right };

// One value. A Number is text that JSON shows without quotes. An Object is JSON text; the formats
// show it each in their way (YAML block, YAML flow, JSON). Empty text of kind Text is what "nothing
// to say" looks like.
struct Cell {
  enum class Kind { Text, Number, Object };
  std::string text;
  Kind kind = Kind::Text;
  std::string json = {};  // what JSON and YAML show instead of the text, if it is not the same
  bool operator==(const Cell&) const = default;
};
[[nodiscard]] Cell text_cell(std::string text);
[[nodiscard]] Cell number_cell(std::int64_t number);
[[nodiscard]] Cell object_cell(std::string json);

struct Column {
  std::string name;
  Align align = Align::Left;
  bool operator==(const Column&) const = default;
};

struct Table {
  std::string title;  // pretty only; "" = an ordinary top rule
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  // JSON and YAML leave out cells without content (member tables) or keep them (history, query).
  bool keeps_empty_cells = true;
  bool operator==(const Table&) const = default;
};

// Each ends with a newline; Yaml with one more, as the format has always had here.
[[nodiscard]] std::string render_pretty(const Table& table);
// A newline (and a tab, where that is the delimiter) inside a value is shown as \n (\t), so that a
// row stays a row.
[[nodiscard]] std::string render_tsv(const Table& table, std::string_view delimiter = "\t");
[[nodiscard]] std::string render_json(const Table& table);
[[nodiscard]] std::string render_yaml(const Table& table);
[[nodiscard]] std::string render(const Table& table, Format format);

}  // namespace pgherd::ctl
