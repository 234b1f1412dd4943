#include "ctl/values_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>

#include "codec/dynamic_config.h"
#include "rest/json_text.h"

namespace pgherd::ctl {
namespace {

using Sorted = nlohmann::json;
using Ordered = nlohmann::ordered_json;

// The words that YAML 1.1 reads as something else than text.
constexpr std::array<std::string_view, 13> kWords = {
    "true", "false", "yes", "no", "on", "off", "null", "~", "y", "n", "=", "<<", "none"};

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return made;
}

bool is_word(std::string_view text) {
  const std::string folded = lower(text);
  // "none", "y" and "n" are text to every reader of ours.
  for (const std::string_view word : kWords) {
    if (folded == word) return word != "none" && word != "y" && word != "n";
  }
  return false;
}

// Anything that begins like a number, a date or a sexagesimal ("5432", "1.5", "10:30",
// "2026-01-02", "0x1F", ".inf"): quoting too much is harmless, quoting too little changes the type.
bool looks_like_a_number(std::string_view text) {
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  if (at < text.size() && text[at] == '.') ++at;
  if (at >= text.size()) return false;
  const std::string rest = lower(text.substr(at));
  if (rest == "inf" || rest == "nan") return true;
  if (std::isdigit(static_cast<unsigned char>(rest[0])) == 0) return false;
  if (rest.starts_with("0x")) return rest.find_first_not_of("0123456789abcdef_", 2) == rest.npos;
  if (rest.starts_with("0b")) return rest.find_first_not_of("01_", 2) == rest.npos;
  const std::size_t stop = rest.find_first_not_of("0123456789_.:+-e");
  // A date with a time has a blank or a T in the middle.
  const bool is_date = rest.size() >= 10 && rest[4] == '-' && rest[7] == '-';
  const bool is_address = std::count(rest.begin(), rest.end(), '.') > 1;
  return (stop == rest.npos && !is_address) || is_date;
}

bool needs_double_quotes(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

bool needs_single_quotes(std::string_view text) {
  if (text.empty() || is_word(text) || looks_like_a_number(text)) return true;
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return true;
  if (std::string_view(",[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos) {
    return true;
  }
  if (std::string_view("-?:").find(text.front()) != std::string_view::npos &&
      (text.size() == 1 || text[1] == ' ')) {
    return true;
  }
  if (text == "---" || text == "...") return true;
  if (text.find(": ") != text.npos || text.find(" #") != text.npos) return true;
  return text.find_first_of(",[]{}?:") != text.npos;
}

std::string in_single_quotes(std::string_view text) {
  std::string made = "'";
  for (const char c : text) {
    made.push_back(c);
    if (c == '\'') made.push_back(c);
  }
  return made.append("'");
}

std::string yaml_text(const std::string& text) {
  // JSON's quoting is YAML's double quoting.
  if (needs_double_quotes(text)) {
    return Sorted(text).dump(-1, ' ', false, Sorted::error_handler_t::replace);
  }
  return needs_single_quotes(text) ? in_single_quotes(text) : text;
}

std::string yaml_scalar(const Sorted& value) {
  return value.is_string() ? yaml_text(value.get_ref<const std::string&>()) : value.dump();
}

void append_flow(std::string& text, const Sorted& value) {
  if (!value.is_structured()) {
    text.append(yaml_scalar(value));
    return;
  }
  text.push_back(value.is_object() ? '{' : '[');
  bool is_first = true;
  for (const auto& [key, inner] : value.items()) {
    if (!is_first) text.append(", ");
    is_first = false;
    if (value.is_object()) text.append(yaml_text(key)).append(": ");
    append_flow(text, inner);
  }
  text.push_back(value.is_object() ? '}' : ']');
}

template <typename Json>
std::optional<Json> read(std::string_view json) {
  Json value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace

std::string yaml_block(std::string_view json) {
  return config_to_yaml(json).value_or(std::string(json).append("\n"));
}

std::string yaml_flow(std::string_view json) {
  const auto value = read<Sorted>(json);
  if (!value) return std::string(json);
  std::string text;
  append_flow(text, *value);
  return text;
}

std::string spaced_json(std::string_view json) {
  const auto value = read<Ordered>(json);
  return value ? spaced_text(*value) : std::string(json);
}

}  // namespace pgherd::ctl
