#include "rest/json_text.h"

#include <nlohmann/json.hpp>

namespace pgherd {
namespace {

using nlohmann::ordered_json;

std::string scalar_text(const ordered_json& value) {
  return value.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
}

void append(std::string& text, const ordered_json& value) {
  if (!value.is_structured()) {
    text += scalar_text(value);
    return;
  }
  text += value.is_object() ? '{' : '[';
  bool is_first = true;
  for (const auto& item : value.items()) {
    if (!is_first) text += ", ";
    is_first = false;
    if (value.is_object()) text += scalar_text(item.key()) + ": ";
    append(text, item.value());
  }
  text += value.is_object() ? '}' : ']';
}

}  // namespace

std::string spaced_text(const ordered_json& value) {
  std::string text;
  append(text, value);
  return text;
}

}  // namespace pgherd
