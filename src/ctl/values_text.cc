#include "ctl/values_text.h"

#include <nlohmann/json.hpp>

#include "codec/dynamic_config.h"
#include "rest/json_text.h"

namespace pgherd::ctl {

std::string yaml_block(std::string_view json) {
  return config_to_yaml(json).value_or(std::string(json).append("\n"));
}

std::string yaml_flow(std::string_view json) {
  return json_to_yaml_flow(json).value_or(std::string(json));
}

std::string spaced_json(std::string_view json) {
  const auto value = nlohmann::ordered_json::parse(json, nullptr, false);
  return value.is_discarded() ? std::string(json) : spaced_text(value);
}

}  // namespace pgherd::ctl
