#include "codec/yaml_advice.h"

namespace pgherd {
namespace {

constexpr auto kNone = std::string_view::npos;

std::string_view line_of(std::string_view text, std::size_t line) {
  for (; line > 0; --line) {
    const std::size_t end = text.find('\n');
    if (end == kNone) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What stands behind the first "key:" or "- ", without the blanks around it.
std::string_view value_in(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first == kNone) return {};
  const std::size_t colon = line.find(": ");
  std::size_t begin = kNone;
  if (colon != kNone) {
    begin = line.find_first_not_of(' ', colon + 1);
  } else if (line.substr(first).starts_with("- ")) {
    begin = line.find_first_not_of(' ', first + 1);
  }
  return begin == kNone ? std::string_view{} : line.substr(begin);
}

}  // namespace

std::string advice_for_yaml(std::string_view text, std::size_t line_number) {
  const std::string_view line = line_of(text, line_number);
  const std::string_view indentation = line.substr(0, line.find_first_not_of(" \t"));
  if (indentation.find('\t') != kNone) return "; YAML is indented with blanks, here is a tab";
  const std::string_view value = value_in(line);
  if (value.starts_with("{{"))
    return "; {{ }} would be of a template that has to be rendered first";
  if (!value.empty() && std::string_view("*&@%`!").find(value.front()) != kNone)
    return std::string("; a value that begins with ") + value.front() + " has to be in quotes";
  const bool is_plain = !value.empty() && std::string_view("\"'[{|>").find(value.front()) == kNone;
  if (is_plain && value.find(": ") != kNone)
    return "; a value with a colon and a blank in it has to be in quotes";
  return {};
}

}  // namespace pgherd
