#include "ctl/config_changes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "codec/dynamic_config.h"
#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> path_of(std::string_view text) {
  constexpr std::string_view kParameters = "postgresql.parameters.";
  if (text.starts_with(kParameters)) {
    return {"postgresql", "parameters", std::string(text.substr(kParameters.size()))};
  }
  std::vector<std::string> path(1);
  for (const char c : text) {
    if (c == '.') {
      path.emplace_back();
    } else {
      path.back().push_back(c);
    }
  }
  return path;
}

using Step = std::vector<std::string>::const_iterator;

void set_at(Json& object, Step at, Step end, const Json& value) {
  if (!object.is_object()) object = Json::object();
  if (at + 1 == end) {
    object[*at] = value;
  } else {
    set_at(object[*at], at + 1, end, value);
  }
}

void remove_at(Json& object, Step at, Step end) {
  if (!object.is_object() || !object.contains(*at)) return;
  if (at + 1 != end) {
    Json& child = object[*at];
    remove_at(child, at + 1, end);
    if (!child.is_object() || !child.empty()) return;
  }
  object.erase(*at);
}

Json yaml_value(std::string_view yaml, std::string_view source) {
  const auto json = yaml_to_json(yaml);
  if (!json) throw CtlError(fmt::format("{} is no YAML: {}", source, json.error()));
  return Json::parse(*json);
}

std::string mapping_of(std::string_view yaml, std::string_view source) {
  const Json value = yaml_value(yaml, source);
  if (value.is_object()) return value.dump();
  throw CtlError(fmt::format("{} must hold a mapping (key: value), not {}", source,
                             value.is_null() ? "nothing" : value.type_name()));
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string merged(std::string_view config_json, const std::string& patch) {
  auto result = merge_patch(config_json, patch);
  if (!result) throw CtlError(result.error());
  return *std::move(result);
}

}  // namespace

std::string with_setting(std::string_view config_json, std::string_view setting) {
  const std::size_t equals = setting.find('=');
  const std::string_view key = without_blanks(setting.substr(0, equals));
  if (equals == setting.npos || key.empty()) {
    throw CtlError(fmt::format("Invalid parameter setting {}", setting));
  }
  const std::vector<std::string> path = path_of(key);
  const Json value =
      yaml_value(setting.substr(equals + 1), fmt::format("the value of {}", setting));
  Json config = Json::parse(config_json);
  if (value.is_null()) {
    remove_at(config, path.begin(), path.end());
  } else {
    set_at(config, path.begin(), path.end(), value);
  }
  return config.dump();
}

std::string with_applied(std::string_view config_json, std::string_view yaml,
                         std::string_view source) {
  return merged(config_json, mapping_of(yaml, source));
}

std::string replaced_by(std::string_view yaml, std::string_view source) {
  return merged("{}", mapping_of(yaml, source));
}

}  // namespace pgherd::ctl
