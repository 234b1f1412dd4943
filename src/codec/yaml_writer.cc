#include "codec/yaml_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "codec/yaml_tree.h"

namespace pgherd {
namespace {

constexpr std::size_t kWidth = 200;
constexpr std::size_t kIndent = 2;

using CodePoints = std::u32string;

// Input comes out of nlohmann's parser, so it is valid UTF-8.
CodePoints decoded(std::string_view text) {
  CodePoints points;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at++]);
    const int following = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    char32_t point = following == 0 ? first : first & (0x3FU >> static_cast<unsigned>(following));
    for (int i = 0; i < following && at < text.size(); ++i) {
      point = (point << 6U) | (static_cast<unsigned char>(text[at++]) & 0x3FU);
    }
    points.push_back(point);
  }
  return points;
}

void append_utf8(std::string& text, char32_t point) {
  const auto byte = [&](char32_t value) { text.push_back(static_cast<char>(value)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | (point >> 6U));
    byte(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    byte(0xE0 | (point >> 12U));
    byte(0x80 | ((point >> 6U) & 0x3F));
    byte(0x80 | (point & 0x3F));
  } else {
    byte(0xF0 | (point >> 18U));
    byte(0x80 | ((point >> 12U) & 0x3F));
    byte(0x80 | ((point >> 6U) & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

bool is_break(char32_t c) {
  return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}
bool is_white(char32_t c) {
  return c == 0 || c == ' ' || c == '\t' || c == '\r' || is_break(c);
}
bool is_among(char32_t c, std::u32string_view set) {
  return set.find(c) != std::u32string_view::npos;
}
bool is_printable(char32_t c) {
  return c == '\n' || (c >= 0x20 && c <= 0x7E) || c == 0x85 || (c >= 0xA0 && c <= 0xD7FF) ||
         (c >= 0xE000 && c <= 0xFFFD && c != 0xFEFF) || (c >= 0x10000 && c < 0x10FFFF);
}

enum class Style { Plain, SingleQuoted, DoubleQuoted };

// Where a text stands: as a value in block style, as a key of it, or in a collection of flow style,
// where a text is never more than one line.
enum class Place { Value, Key, Flow };

// Characters that would mean something to a YAML reader where they stand.
bool has_indicator(const CodePoints& text, Place place) {
  if (text.starts_with(U"---") || text.starts_with(U"...")) return true;
  if (place == Place::Flow && text.find_first_of(U",?[]{}:") != CodePoints::npos) return true;
  if (is_among(text[0], U"#,[]{}&*!|>'\"%@`")) return true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool blank_follows = at + 1 == text.size() || is_white(text[at + 1]);
    const bool blank_precedes = at == 0 || is_white(text[at - 1]);
    if (text[at] == ':' && blank_follows) return true;
    if (text[at] == '#' && blank_precedes) return true;
    if (at == 0 && blank_follows && is_among(text[at], U"?-")) return true;
  }
  return false;
}

Style style_of(std::string_view utf8, const CodePoints& text, Place place) {
  if (text.empty()) return Style::SingleQuoted;
  bool has_breaks = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    // YAML 1.2 does not take the exotic line breaks for such.
    const bool is_exotic_break = is_break(text[at]) && text[at] != '\n';
    if (!is_printable(text[at]) || is_exotic_break) return Style::DoubleQuoted;
    has_breaks = has_breaks || is_break(text[at]);
    // A blank beside a line break would be lost by folding.
    const bool breaks_next = at + 1 < text.size() && is_break(text[at + 1]);
    const bool blank_next = at + 1 < text.size() && text[at + 1] == ' ';
    if ((text[at] == ' ' && breaks_next) || (is_break(text[at]) && blank_next)) {
      return Style::DoubleQuoted;
    }
  }
  if (has_breaks) {
    // Line breaks at an end are lost on some readers (yaml-cpp), ours among them.
    const bool at_an_end = is_break(text.front()) || is_break(text.back());
    return place != Place::Value || at_an_end ? Style::DoubleQuoted : Style::SingleQuoted;
  }
  if (text.front() == ' ' || text.back() == ' ' || has_indicator(text, place) ||
      plain_reads_as_other_type(utf8)) {
    return Style::SingleQuoted;
  }
  return Style::Plain;
}

class Writer {
 public:
  std::string take(const Json& root) {
    if (root.is_structured()) {
      if (root.empty()) {
        put(root.is_object() ? "{}" : "[]");
      } else {
        structure(root, 0, /*is_inline=*/true);
      }
    } else {
      scalar(root, kIndent, Place::Value);
      if (!root.is_string() || last_style_ == Style::Plain) put("\n...");
    }
    return out_ + "\n";
  }

  std::string take_flow(const Json& root) {
    flow(root);
    return out_;
  }

 private:
  void put(std::string_view text) {
    out_.append(text);
    const std::size_t line = text.rfind('\n');
    column_ =
        line == std::string_view::npos ? column_ + decoded(text).size() : text.size() - line - 1;
  }
  void put(char32_t point) {
    append_utf8(out_, point);
    column_ = point == '\n' ? 0 : column_ + 1;
  }
  void put(const CodePoints& points) {
    for (const char32_t point : points)
      put(point);
  }
  void new_line(std::size_t indent) { put("\n" + std::string(indent, ' ')); }

  static std::vector<std::string> sorted_keys(const Json& object) {
    std::vector<std::string> keys;
    for (const auto& item : object.items())
      keys.push_back(item.key());
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  void flow(const Json& value) {
    if (!value.is_structured()) return scalar(value, 0, Place::Flow);
    std::string_view separator;
    put(value.is_object() ? "{" : "[");
    if (value.is_object()) {
      for (const std::string& key : sorted_keys(value)) {
        put(std::exchange(separator, ", "));
        string(key, 0, Place::Flow);
        put(": ");
        flow(value[key]);
      }
    } else {
      for (const Json& item : value) {
        put(std::exchange(separator, ", "));
        flow(item);
      }
    }
    put(value.is_object() ? "}" : "]");
  }

  // `is_inline`: the first entry stands where the writer is ("- a: 1"), not on a line of its own.
  void structure(const Json& value, std::size_t indent, bool is_inline) {
    if (value.is_object()) {
      for (const std::string& key : sorted_keys(value)) {
        if (!is_inline) new_line(indent);
        is_inline = false;
        string(key, indent, Place::Key);
        put(":");
        entry_value(value[key], indent);
      }
    } else {
      for (const Json& item : value) {
        if (!is_inline) new_line(indent);
        is_inline = false;
        put("-");
        list_item(item, indent);
      }
    }
  }

  void entry_value(const Json& value, std::size_t indent) {
    if (!value.is_structured()) {
      put(" ");
      scalar(value, indent + kIndent, Place::Value);
    } else if (value.empty()) {
      put(value.is_object() ? " {}" : " []");
    } else {
      structure(value, value.is_object() ? indent + kIndent : indent, false);
    }
  }

  void list_item(const Json& item, std::size_t indent) {
    put(" ");
    if (!item.is_structured()) {
      scalar(item, indent + kIndent, Place::Value);
    } else if (item.empty()) {
      put(item.is_object() ? "{}" : "[]");
    } else {
      structure(item, indent + kIndent, true);
    }
  }

  void scalar(const Json& value, std::size_t indent, Place place) {
    if (value.is_string()) {
      string(value.get<std::string>(), indent, place);
    } else if (value.is_number_float()) {
      put(float_text(value));
    } else {
      put(write_json(value));
    }
  }

  // As short as possible, never without a point: 1e-07 would be read as a string.
  static std::string float_text(const Json& value) {
    const auto number = value.get<double>();
    const double size = std::abs(number);
    const bool is_fixed = size == 0 || (size >= 1e-4 && size < 1e16);
    std::array<char, 64> digits{};
    const auto written =
        std::to_chars(digits.data(), digits.data() + digits.size(), number,
                      is_fixed ? std::chars_format::fixed : std::chars_format::scientific);
    std::string text(digits.data(), written.ptr);
    if (text.find('.') == std::string::npos) {
      const std::size_t exponent = text.find('e');
      text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
    }
    return text;
  }

  void string(std::string_view utf8, std::size_t indent, Place place) {
    const CodePoints text = decoded(utf8);
    const bool may_fold = place == Place::Value;
    last_style_ = style_of(utf8, text, place);
    switch (last_style_) {
      case Style::Plain:
        return folded(text, indent, may_fold, /*is_quoted=*/false);
      case Style::SingleQuoted:
        put("'");
        folded(text, indent, may_fold, /*is_quoted=*/true);
        return put("'");
      case Style::DoubleQuoted:
        return double_quoted(text, indent, may_fold);
    }
  }

  // Plain and single quoted: a single blank beyond the width may become a line break, and a line
  // break is written as an empty line.
  void folded(const CodePoints& text, std::size_t indent, bool may_fold, bool is_quoted) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at + 1;
      if (text[at] == ' ') {
        while (end < text.size() && text[end] == ' ')
          ++end;
        const bool is_inside = at != 0 && end != text.size();
        if (end - at == 1 && column_ > kWidth && may_fold && (is_inside || !is_quoted)) {
          new_line(indent);
        } else {
          put(text.substr(at, end - at));
        }
      } else if (is_break(text[at])) {
        while (end < text.size() && is_break(text[end]))
          ++end;
        if (text[at] == '\n') put(U'\n');
        put(text.substr(at, end - at));
        column_ = 0;
        put(std::string(indent, ' '));
      } else {
        if (is_quoted && text[at] == '\'') put("'");
        put(text[at]);
      }
      at = end;
    }
  }

  static std::string escaped(char32_t point) {
    constexpr std::array<std::pair<char32_t, char>, 15> kShort = {{{0, '0'},
                                                                   {7, 'a'},
                                                                   {8, 'b'},
                                                                   {9, 't'},
                                                                   {10, 'n'},
                                                                   {11, 'v'},
                                                                   {12, 'f'},
                                                                   {13, 'r'},
                                                                   {27, 'e'},
                                                                   {'"', '"'},
                                                                   {'\\', '\\'},
                                                                   {0x85, 'N'},
                                                                   {0xA0, '_'},
                                                                   {0x2028, 'L'},
                                                                   {0x2029, 'P'}}};
    for (const auto& [special, letter] : kShort) {
      if (special == point) return {'\\', letter};
    }
    std::array<char, 16> text{};
    const char* format = point <= 0xFF ? "\\x%02X" : point <= 0xFFFF ? "\\u%04X" : "\\U%08X";
    const int length =
        std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(point));
    return {text.data(), static_cast<std::size_t>(length)};
  }

  static bool stands_in_double_quotes(char32_t c) {
    return ((c >= 0x20 && c <= 0x7E && c != '"' && c != '\\') || (c >= 0xA0 && c <= 0xD7FF) ||
            (c >= 0xE000 && c <= 0xFFFD)) &&
           c != 0x2028 && c != 0x2029 && c != 0xFEFF;
  }

  void double_quoted(const CodePoints& text, std::size_t indent, bool may_fold) {
    put("\"");
    for (std::size_t at = 0; at < text.size(); ++at) {
      const bool is_special = !stands_in_double_quotes(text[at]);
      if (is_special) put(std::string_view(escaped(text[at])));
      // Beyond the width a line may end, with a backslash, before a blank and after an escape.
      const bool is_inside = at > 0 && at + 1 < text.size();
      if (may_fold && is_inside && column_ > kWidth && (text[at] == ' ' || is_special)) {
        put("\\");
        new_line(indent);
        const char32_t next = is_special ? text[at + 1] : text[at];
        if (next == ' ') put("\\");
      }
      if (!is_special) put(text[at]);
    }
    put("\"");
  }

  std::string out_;
  std::size_t column_ = 0;
  Style last_style_ = Style::Plain;
};

}  // namespace

std::string write_yaml(const Json& value) {
  return Writer().take(value);
}

std::string write_yaml_flow(const Json& value) {
  return Writer().take_flow(value);
}

}  // namespace pgherd
