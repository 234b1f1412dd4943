#include "ctl/table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ctl/values_text.h"

namespace pgherd::ctl {
namespace {

using Lines = std::vector<std::string>;

// Characters, not bytes: every byte of UTF-8 that does not continue another one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

Lines lines_of(const std::string& text) {
  Lines lines;
  std::size_t start = 0;
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', start)) {
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  lines.push_back(text.substr(start));
  return lines;
}

std::string pretty_text(const Cell& cell) {
  if (cell.kind != Cell::Kind::Object) return cell.text;
  std::string block = yaml_block(cell.text);
  if (block.ends_with('\n')) block.pop_back();
  return block;
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::string blanks(width - std::min(width, width_of(text)), ' ');
  return align == Align::Left ? text + blanks : blanks + text;
}

std::string rule_of(const std::vector<std::size_t>& widths) {
  std::string rule = "+";
  for (const std::size_t width : widths)
    rule.append(width + 2, '-').append("+");
  return rule;
}

// The title lies over the top rule from its second character on.
std::string top_rule(const std::string& rule, const std::string& title) {
  if (title.empty() || rule.size() < 2) return rule;
  std::string shown;
  std::size_t room = rule.size() - 2;
  for (std::size_t at = 0; at < title.size(); ++at) {
    if (width_of(title.substr(at, 1)) == 1 && room-- == 0) break;
    shown.push_back(title[at]);
  }
  return "+" + shown + rule.substr(1 + width_of(shown));
}

void append_row(std::string& text, const std::vector<Lines>& cells, const Table& table,
                const std::vector<std::size_t>& widths) {
  std::size_t height = 1;
  for (const Lines& cell : cells)
    height = std::max(height, cell.size());
  for (std::size_t line = 0; line < height; ++line) {
    for (std::size_t at = 0; at < widths.size(); ++at) {
      const bool exists = at < cells.size() && line < cells[at].size();
      const std::string shown = exists ? cells[at][line] : std::string();
      text.append("| ").append(padded(shown, widths[at], table.columns[at].align)).append(" ");
    }
    text.append("|\n");
  }
}

std::string escaped(const std::string& text, std::string_view delimiter) {
  std::string made;
  for (const char c : text) {
    if (c == '\n') {
      made.append("\\n");
    } else if (c == '\t' && delimiter == "\t") {
      made.append("\\t");
    } else {
      made.push_back(c);
    }
  }
  return made;
}

template <typename Json>
Json value_of(const Cell& cell) {
  if (cell.kind == Cell::Kind::Text && cell.json.empty()) return Json(cell.text);
  Json value = Json::parse(cell.json.empty() ? cell.text : cell.json, nullptr, false);
  return value.is_discarded() ? Json(cell.text) : value;
}

template <typename Json>
Json objects_of(const Table& table) {
  Json rows = Json::array();
  for (const std::vector<Cell>& row : table.rows) {
    Json object = Json::object();
    for (std::size_t at = 0; at < row.size() && at < table.columns.size(); ++at) {
      if (row[at].text.empty() && !table.keeps_empty_cells) continue;
      object[table.columns[at].name] = value_of<Json>(row[at]);
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

template <typename Json>
std::string json_text(const Table& table) {
  return objects_of<Json>(table).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::optional<Format> parse_format(std::string_view text) {
  if (text == "pretty") return Format::Pretty;
  if (text == "tsv") return Format::Tsv;
  if (text == "json") return Format::Json;
  if (text == "yaml" || text == "yml") return Format::Yaml;
  return std::nullopt;
}

Cell text_cell(std::string text) {
  return Cell{.text = std::move(text)};
}

Cell number_cell(std::int64_t number) {
  return Cell{.text = std::to_string(number), .kind = Cell::Kind::Number};
}

Cell object_cell(std::string json) {
  return Cell{.text = std::move(json), .kind = Cell::Kind::Object};
}

std::string render_pretty(const Table& table) {
  std::vector<std::size_t> widths;
  for (const Column& column : table.columns)
    widths.push_back(width_of(column.name));
  std::vector<std::vector<Lines>> rows;
  bool has_tall_cell = false;
  for (const std::vector<Cell>& row : table.rows) {
    std::vector<Lines>& cells = rows.emplace_back();
    for (std::size_t at = 0; at < row.size() && at < widths.size(); ++at) {
      const Lines& lines = cells.emplace_back(lines_of(pretty_text(row[at])));
      has_tall_cell = has_tall_cell || lines.size() > 1;
      for (const std::string& line : lines)
        widths[at] = std::max(widths[at], width_of(line));
    }
  }

  std::vector<Lines> header;
  for (const Column& column : table.columns)
    header.push_back({column.name});
  const std::string rule = rule_of(widths);
  std::string text = top_rule(rule, table.title).append("\n");
  append_row(text, header, table, widths);
  text.append(rule).append("\n");
  for (std::size_t at = 0; at < rows.size(); ++at) {
    append_row(text, rows[at], table, widths);
    if (has_tall_cell && at + 1 < rows.size()) text.append(rule).append("\n");
  }
  return text.append(rule).append("\n");
}

std::string render_tsv(const Table& table, std::string_view delimiter) {
  std::string text;
  const auto separate = [&](std::size_t at) {
    if (at > 0) text.append(delimiter);
  };
  for (std::size_t at = 0; at < table.columns.size(); ++at) {
    separate(at);
    text.append(escaped(table.columns[at].name, delimiter));
  }
  if (!table.columns.empty()) text.append("\n");
  for (const std::vector<Cell>& row : table.rows) {
    for (std::size_t at = 0; at < row.size(); ++at) {
      separate(at);
      const bool is_object = row[at].kind == Cell::Kind::Object && !row[at].text.empty();
      text.append(escaped(is_object ? yaml_flow(row[at].text) : row[at].text, delimiter));
    }
    text.append("\n");
  }
  return text;
}

std::string render_json(const Table& table) {
  return spaced_json(json_text<nlohmann::ordered_json>(table)).append("\n");
}

std::string render_yaml(const Table& table) {
  return yaml_block(json_text<nlohmann::json>(table)).append("\n");
}

std::string render(const Table& table, Format format) {
  switch (format) {
    case Format::Pretty:
      return render_pretty(table);
    case Format::Tsv:
      return render_tsv(table);
    case Format::Json:
      return render_json(table);
    case Format::Yaml:
      return render_yaml(table);
  }
  return {};
}

}  // namespace pgherd::ctl
