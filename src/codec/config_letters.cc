#include "codec/config_letters.h"

#include <algorithm>
#include <array>

#include "codec/json_reading.h"

namespace pgherd {
namespace {

constexpr std::array<std::string_view, 5> kTexts = {"scope", "name", "namespace", "username",
                                                    "password"};

bool is_changed(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::Scalar || node.is_quoted) return false;
  const Json read = resolve_plain(node.text);
  return read.is_boolean() || (read.is_number() && write_json(read) != node.text);
}

void look(const YamlNode& map, const std::string& path, std::vector<std::string>& lines) {
  for (const auto& [key, value] : map.children) {
    const std::string below = path.empty() ? key : path + "." + key;
    if (std::find(kTexts.begin(), kTexts.end(), key) != kTexts.end() && is_changed(value)) {
      lines.push_back(value.origin + ": " + below +
                      " is a number or a boolean to YAML, and Patroni uses how that prints; it is "
                      "taken to the letter here: put it in quotes");
    }
    if (value.kind == YamlNode::Kind::Map) look(value, below, lines);
  }
}

}  // namespace

std::vector<std::string> texts_that_yaml_changes(const YamlNode& root) {
  std::vector<std::string> lines;
  look(root, "", lines);
  return lines;
}

}  // namespace pgherd
