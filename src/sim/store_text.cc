#include "sim/store_text.h"

#include <nlohmann/json.hpp>
#include <sstream>

namespace pgherd::sim {
namespace {

nlohmann::json read(const std::string& text) {
  return nlohmann::json::parse(text, nullptr, false);
}

nlohmann::json field_of(const std::string& text, const std::string& field) {
  const auto json = read(text);
  return json.is_object() && json.contains(field) ? json.at(field) : nlohmann::json();
}

}  // namespace

std::string text_at(const std::string& json, const std::string& field) {
  const auto value = field_of(json, field);
  if (value.is_null()) return {};
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::int64_t number_at(const std::string& json, const std::string& field) {
  const auto value = field_of(json, field);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::set<NodeName> names_at(const std::string& json, const std::string& field) {
  std::set<NodeName> names;
  std::istringstream list(text_at(json, field));
  for (std::string name; std::getline(list, name, ',');)
    names.insert(name);
  return names;
}

std::set<std::string> fields_of(const std::string& json) {
  std::set<std::string> fields;
  const auto object = read(json);
  if (!object.is_object()) return fields;
  for (const auto& [name, value] : object.items())
    fields.insert(name);
  return fields;
}

std::uint32_t last_left_timeline(const std::string& history) {
  const auto lines = read(history);
  const bool has_line = lines.is_array() && !lines.empty() && lines.back().is_array() &&
                        !lines.back().empty() && lines.back()[0].is_number_unsigned();
  return has_line ? lines.back()[0].get<std::uint32_t>() : 0;
}

}  // namespace pgherd::sim
