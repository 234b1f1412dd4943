#include "codec/dynamic_config.h"

#include "codec/json_reading.h"
#include "codec/yaml_tree.h"
#include "codec/yaml_writer.h"

namespace pgherd {
namespace {

bool is_same(const Json& one, const Json& other);

bool is_same_object(const Json& one, const Json& other) {
  if (one.size() != other.size()) return false;
  for (const auto& [key, value] : one.items()) {
    const auto found = other.find(key);
    if (found == other.end() || !is_same(value, *found)) return false;
  }
  return true;
}

// Words for booleans and null as the other writers of this key print them, so that both sides agree
// on what is a change.
std::string printed(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_null()) return "None";
  return as_text(value);
}

// Inside of a list "1" and 1 print differently, so there types count.
bool is_same_item(const Json& one, const Json& other) {
  return one.is_structured() ? is_same(one, other) : one == other;
}

bool is_same(const Json& one, const Json& other) {
  if (one.is_object() && other.is_object()) return is_same_object(one, other);
  if (one.is_array() && other.is_array()) {
    if (one.size() != other.size()) return false;
    for (std::size_t at = 0; at < one.size(); ++at) {
      if (!is_same_item(one[at], other[at])) return false;
    }
    return true;
  }
  if (one.is_structured() || other.is_structured()) return false;
  return printed(one) == printed(other);
}

void apply_patch(Json& config, const Json& patch) {
  for (const auto& [key, value] : patch.items()) {
    const auto found = config.find(key);
    if (value.is_null()) {
      if (found != config.end()) config.erase(found);
    } else if (found == config.end()) {
      config[key] = value;
    } else if (value.is_object() && found->is_object()) {
      apply_patch(*found, value);
    } else if (!is_same(*found, value)) {
      *found = value;
    }
  }
}

std::string not_an_object(std::string_view what, std::string_view text) {
  return std::string(what) + " is no JSON object: " + std::string(text.substr(0, 200));
}

std::string no_json(std::string_view text) {
  return "this is no JSON: " + std::string(text.substr(0, 200));
}

}  // namespace

Result<std::string, std::string> merge_patch(std::string_view config_json,
                                             std::string_view patch_json) {
  std::optional<Json> config = read_json_object(config_json);
  if (!config) return fail(not_an_object("the stored configuration", config_json));
  const std::optional<Json> patch = read_json_object(patch_json);
  if (!patch) return fail(not_an_object("the patch", patch_json));
  apply_patch(*config, *patch);
  return write_json(*config);
}

bool is_same_config(std::string_view one_json, std::string_view other_json) {
  const std::optional<Json> one = read_json(one_json);
  const std::optional<Json> other = read_json(other_json);
  return one && other && is_same(*one, *other);
}

Result<std::string, std::string> config_to_yaml(std::string_view json) {
  const std::optional<Json> value = read_json(json);
  if (!value) return fail(no_json(json));
  return write_yaml(*value);
}

Result<std::string, std::string> json_to_yaml_flow(std::string_view json) {
  const std::optional<Json> value = read_json(json);
  if (!value) return fail(no_json(json));
  return write_yaml_flow(*value);
}

Result<std::string, std::string> yaml_to_json(std::string_view yaml) {
  try {
    return write_json(to_json(read_yaml(std::string(yaml), "document")));
  } catch (const YamlError& problem) {
    return fail(std::string(problem.what()));
  }
}

}  // namespace pgherd
