// YAML as people write it, with the place of every value, so that an error can say where. For the
// codec room only. Scalars keep their text: whether `on` is a word or a boolean is decided by who
// asks.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_reading.h"

namespace pgherd {

struct YamlNode {
  enum class Kind { Null, Scalar, Map, List };
  Kind kind = Kind::Null;
  std::string text;        // of a scalar
  bool is_quoted = false;  // then it is text, whatever it looks like
  std::string origin;      // "patroni.yml:12", where its key stands; "variable PATRONI_NAME"
  // Of a map in the order of the file; of a list with empty keys. Not a std::pair: that must not
  // be looked into before the node is complete, and clang does.
  struct Child;
  std::vector<Child> children;

  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  // The child of a map, made if need be; what is no map becomes one.
  YamlNode& at(std::string_view key);
};

struct YamlNode::Child {
  std::string key;
  YamlNode node;
};

// The text is no YAML; what() says "<source>:<line>: ...".
class YamlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One document. Anchors and `<<` are resolved; of a key written twice the last one counts, and
// `remarks`, if any, get a line about the one that is lost.
[[nodiscard]] YamlNode read_yaml(const std::string& text, const std::string& source,
                                 std::vector<std::string>* remarks = nullptr);

// What a plain scalar is in YAML 1.1, as the field's other tools read it: null, boolean
// (yes/no/on/off too), number, else a string. Dates stay strings.
[[nodiscard]] Json resolve_plain(std::string_view text);
// Whether a plain scalar of this text would be read as something else than a string.
[[nodiscard]] bool plain_reads_as_other_type(std::string_view text);

[[nodiscard]] Json to_json(const YamlNode& node);

// What stands at "postgresql.callbacks.on_stop" below `root`; nullptr if nothing does.
[[nodiscard]] const YamlNode* find_at(const YamlNode& root, std::string_view path);

// `overlay` over `base`: maps are merged, everything else is replaced, null removes the key.
void merge_yaml(YamlNode& base, const YamlNode& overlay);

}  // namespace pgherd
