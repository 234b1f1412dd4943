#include "codec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <regex>
#include <sstream>

#include "codec/yaml_advice.h"

namespace pgherd {
namespace {

using Kind = YamlNode::Kind;

// Far above any configuration; stops a handful of nested anchors from becoming a billion nodes.
constexpr int kNodesMax = 50'000;
constexpr int kDepthMax = 60;

class Reader {
 public:
  Reader(std::string source, std::vector<std::string>* remarks)
      : source_(std::move(source)), remarks_(remarks) {}

  YamlNode read(const YAML::Node& node, int depth) {
    YamlNode made;
    made.origin = place(node.Mark());
    if (++nodes_ > kNodesMax || depth > kDepthMax) {
      throw YamlError(made.origin + ": the document is too large or nested too deeply");
    }
    if (node.IsScalar()) {
      made.kind = Kind::Scalar;
      made.text = node.Scalar();
      // yaml-cpp's tag of a quoted scalar is "!"; `!!str 5` names the type itself.
      made.is_quoted = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
      if (!made.is_quoted && resolve_plain(made.text).is_null()) made.kind = Kind::Null;
    } else if (node.IsSequence()) {
      made.kind = Kind::List;
      for (const auto& item : node)
        made.children.emplace_back("", read(item, depth + 1));
    } else if (node.IsMap()) {
      made.kind = Kind::Map;
      read_map(node, made, depth);
    }
    return made;
  }

 private:
  std::string place(const YAML::Mark& mark) const {
    return mark.is_null() ? source_ : source_ + ":" + std::to_string(mark.line + 1);
  }

  void read_map(const YAML::Node& node, YamlNode& made, int depth) {
    YamlNode merged;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        throw YamlError(place(entry.first.Mark()) + ": a key must be a word, not a list or a map" +
                        (entry.first.IsMap()
                             ? "; {{ }} would be of a template that has to be rendered first"
                             : ""));
      }
      const std::string& key = entry.first.Scalar();
      const std::size_t length = path_.size();
      path_.append(path_.empty() ? "" : ".").append(key);
      YamlNode value = read(entry.second, depth + 1);
      if (key == "<<" && entry.first.Tag() != "!") {
        add_merge_key(merged, value);
      } else {
        // The library has a map begin at its first key, which may stand lines below.
        value.origin = place(entry.first.Mark());
        if (const YamlNode* first = made.find(key)) remark_on_second(*first, value);
        made.at(key) = std::move(value);
      }
      path_.resize(length);
    }
    for (auto& [key, value] : merged.children) {
      if (made.find(key) == nullptr) made.children.emplace_back(key, std::move(value));
    }
  }

  void remark_on_second(const YamlNode& first, const YamlNode& second) {
    if (remarks_ == nullptr) return;
    const std::size_t colon = first.origin.rfind(':');
    remarks_->push_back(second.origin + ": " + path_ + " is written twice; what stands in line " +
                        first.origin.substr(colon + 1) + " is lost");
  }

  // The first mention of a key wins among several merged maps.
  static void add_merge_key(YamlNode& merged, const YamlNode& value) {
    if (value.kind == Kind::List) {
      for (const auto& item : value.children)
        add_merge_key(merged, item.node);
    } else if (value.kind == Kind::Map) {
      for (const auto& [key, child] : value.children) {
        if (merged.find(key) == nullptr) merged.at(key) = child;
      }
    } else {
      throw YamlError(value.origin + ": << takes a map or a list of maps");
    }
  }

  std::string source_;
  std::vector<std::string>* remarks_;
  std::string path_;  // of the map that is read
  int nodes_ = 0;
};

// Keeps nothing but where the last word stood.
class NoEvents : public YAML::EventHandler {
 public:
  int last_line = 0;

  using Anchor = YAML::anchor_t;
  using Style = YAML::EmitterStyle::value;
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, Anchor) override {}
  void OnAlias(const YAML::Mark&, Anchor) override {}
  void OnScalar(const YAML::Mark& mark, const std::string&, Anchor, const std::string&) override {
    last_line = mark.line;
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, Anchor, Style) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, Anchor, Style) override {}
  void OnMapEnd() override {}
};

// YAML::Load stops after the first document and says nothing; YAML::LoadAll never returns from a
// stray comma, which it takes for documents without end (yaml-cpp 0.7).
void require_one_document(const std::string& text, const std::string& source) {
  // Of a quote that is not closed it complains only where the text does not end with a line break.
  std::istringstream stream(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
  NoEvents events;
  bool has_more = false;
  try {
    YAML::Parser parser(stream);
    has_more = parser.HandleNextDocument(events) && parser.HandleNextDocument(events);
  } catch (const YAML::Exception& problem) {
    if (problem.msg != YAML::ErrorMsg::EOF_IN_SCALAR) throw;
    throw YamlError(source + ":" + std::to_string(events.last_line + 1) +
                    ": this is no YAML: a quote that begins here or below is not closed");
  }
  if (has_more) {
    throw YamlError(source +
                    ": after the end of the YAML document comes something else (a second"
                    " document after a line ---, or a stray character); one document is allowed");
  }
}

// Longer texts are never numbers, and std::regex recurses for every character.
constexpr std::size_t kNumberLengthMax = 100;

bool matches(std::string_view text, const std::regex& pattern) {
  return text.size() <= kNumberLengthMax && std::regex_match(text.begin(), text.end(), pattern);
}

bool is_integer(std::string_view text) {
  static const std::regex kPattern(
      "[-+]?(0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*(:[0-5]?[0-9])*)");
  return matches(text, kPattern);
}

bool is_float(std::string_view text) {
  static const std::regex kPattern(
      "[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+][0-9]+)?|\\.[0-9][0-9_]*([eE][-+][0-9]+)?"
      "|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)");
  return matches(text, kPattern);
}

bool is_timestamp(std::string_view text) {
  static const std::regex kPattern(
      "[0-9]{4}-[0-9]{2}-[0-9]{2}"
      "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]*)?"
      "([ \\t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?");
  return matches(text, kPattern);
}

std::optional<bool> yaml_bool(std::string_view text) {
  constexpr std::array<std::string_view, 9> kTrue = {"yes",  "Yes", "YES", "true", "True",
                                                     "TRUE", "on",  "On",  "ON"};
  constexpr std::array<std::string_view, 9> kFalse = {"no",    "No",  "NO",  "false", "False",
                                                      "FALSE", "off", "Off", "OFF"};
  if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), text) != kFalse.end()) return false;
  return std::nullopt;
}

bool is_null(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

Json integer_value(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits.push_back(c);
  }
  std::string_view rest = digits;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.starts_with("0x") || rest.starts_with("0b")) {
    base = rest[1] == 'x' ? 16 : 2;
    rest.remove_prefix(2);
  } else if (rest.size() > 1 && rest.front() == '0') {
    base = 8;
  }
  std::int64_t value = 0;
  while (true) {  // 1:30 is ninety
    const std::size_t colon = rest.find(':');
    const std::string_view part = rest.substr(0, colon);
    std::int64_t number = 0;
    const auto [stopped, error] =
        std::from_chars(part.data(), part.data() + part.size(), number, base);
    if (error != std::errc{} || stopped != part.data() + part.size() ||
        __builtin_mul_overflow(value, 60, &value) ||
        __builtin_add_overflow(value, number, &value)) {
      return std::string(text);
    }
    if (colon == std::string_view::npos) return is_negative ? -value : value;
    rest.remove_prefix(colon + 1);
  }
}

Json float_value(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '_' && (c != '+' || !digits.empty())) digits.push_back(c);
  }
  double value = 0;
  const auto [stopped, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
  // JSON has no infinity, and nobody means base 60: these stay text.
  if (error != std::errc{} || stopped != digits.data() + digits.size()) return std::string(text);
  return value;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  if (kind != Kind::Map) return nullptr;
  const auto found = std::find_if(children.begin(), children.end(),
                                  [&](const auto& child) { return child.key == key; });
  return found == children.end() ? nullptr : &found->node;
}

YamlNode& YamlNode::at(std::string_view key) {
  if (kind != Kind::Map) {
    kind = Kind::Map;
    children.clear();
  }
  if (const YamlNode* found = find(key)) return const_cast<YamlNode&>(*found);
  return children.emplace_back(std::string(key), YamlNode{}).node;
}

YamlNode read_yaml(const std::string& text, const std::string& source,
                   std::vector<std::string>* remarks) {
  try {
    require_one_document(text, source);
    return Reader(source, remarks).read(YAML::Load(text), 0);
  } catch (const YAML::Exception& problem) {
    if (problem.mark.is_null()) throw YamlError(source + ": this is no YAML: " + problem.msg);
    const auto line = static_cast<std::size_t>(problem.mark.line);
    throw YamlError(source + ":" + std::to_string(line + 1) + ": this is no YAML: " + problem.msg +
                    advice_for_yaml(text, line));
  }
}

Json resolve_plain(std::string_view text) {
  if (is_null(text)) return nullptr;
  if (const std::optional<bool> boolean = yaml_bool(text)) return *boolean;
  if (is_integer(text)) return integer_value(text);
  if (is_float(text)) return float_value(text);
  return std::string(text);
}

bool plain_reads_as_other_type(std::string_view text) {
  return is_null(text) || yaml_bool(text) || is_integer(text) || is_float(text) ||
         is_timestamp(text) || text == "<<" || text == "=";
}

Json to_json(const YamlNode& node) {
  switch (node.kind) {
    case Kind::Null:
      return nullptr;
    case Kind::Scalar:
      return node.is_quoted ? Json(node.text) : resolve_plain(node.text);
    case Kind::Map: {
      Json object = Json::object();
      for (const auto& [key, child] : node.children)
        object[key] = to_json(child);
      return object;
    }
    case Kind::List: {
      Json list = Json::array();
      for (const auto& child : node.children)
        list.push_back(to_json(child.node));
      return list;
    }
  }
  return nullptr;
}

const YamlNode* find_at(const YamlNode& root, std::string_view path) {
  const YamlNode* node = &root;
  while (node != nullptr) {
    const std::size_t dot = path.find('.');
    node = node->find(path.substr(0, dot));
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return node;
}

void merge_yaml(YamlNode& base, const YamlNode& overlay) {
  if (base.kind != Kind::Map || overlay.kind != Kind::Map) {
    base = overlay;
    return;
  }
  for (const auto& [key, value] : overlay.children) {
    if (value.kind == Kind::Null) {
      std::erase_if(base.children, [&key = key](const auto& child) { return child.key == key; });
    } else if (value.kind == Kind::Map && base.find(key) != nullptr) {
      merge_yaml(base.at(key), value);
    } else {
      base.at(key) = value;
    }
  }
}

}  // namespace pgherd
