// Typed reading of a configuration tree: every value that cannot be used becomes a ConfigError that
// says where it stands and what would be right.
//
// What a value may be is taken from the table of keys (config_table.h). To read a key that is not
// there, or in another form than it has there, is a mistake of this program and ends it; so does
// naming what is allowed for a key that has a row. For the codec room only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/config.h"
#include "codec/config_table.h"
#include "codec/yaml_tree.h"
#include "model/agent_config.h"

namespace pgherd {

// ASCII only: of words that Patroni takes in any case.
[[nodiscard]] std::string in_lower_case(std::string text);

class Section {
 public:
  enum class Keys {
    OfTable,  // if the table has any of its keys; else as Others
    Others,   // whatever a person has named so, and the router's: the table says nothing of them
  };
  // `node` may be null: a section that is not there. `source`: the file, for what is missing.
  Section(const YamlNode* node, std::string path, std::string source, Keys keys = Keys::OfTable);

  [[nodiscard]] bool exists() const { return node_ != nullptr; }
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] const YamlNode* find(std::string_view key) const;  // nullptr for null, too
  [[nodiscard]] const YamlNode* node() const { return node_; }
  // An empty text and an empty list are an empty section.
  [[nodiscard]] Section section(std::string_view key) const;
  // The same for one that a person has named, or the router's.
  [[nodiscard]] Section named_section(std::string_view key) const;
  [[nodiscard]] std::string path_of(std::string_view key) const;

  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
  [[nodiscard]] std::string text_or(std::string_view key, std::string_view otherwise) const;
  [[nodiscard]] std::string required_text(std::string_view key) const;
  [[nodiscard]] std::string one_of(std::string_view key, std::string_view otherwise) const;
  // Of Keys::Others; `words`: "plain, json".
  [[nodiscard]] std::string one_of(std::string_view key, std::string_view otherwise,
                                   std::string_view words) const;
  // An empty text says nothing, here and in the next three.
  [[nodiscard]] std::optional<bool> flag(std::string_view key) const;
  [[nodiscard]] std::int64_t integer_or(std::string_view key, std::int64_t otherwise) const;
  // Of Keys::Others.
  [[nodiscard]] std::int64_t integer_or(std::string_view key, std::int64_t otherwise,
                                        std::int64_t lowest, std::int64_t highest) const;
  [[nodiscard]] std::optional<ListenAddress> address(std::string_view key,
                                                     std::uint16_t default_port) const;
  // A YAML list of words.
  [[nodiscard]] std::vector<std::string> lines(std::string_view key) const;
  // A YAML list of words, or one text of words between commas, in brackets or not.
  [[nodiscard]] std::vector<std::string> comma_list(std::string_view key) const;
  // name -> text
  [[nodiscard]] std::map<std::string, std::string> text_map(std::string_view key) const;
  // A list of words and one-key maps, or a map; true is a switch, false is left out.
  [[nodiscard]] OptionList options(std::string_view key) const;

  [[noreturn]] void refuse(std::string_view key, std::string_view allowed) const;
  [[noreturn]] void refuse_missing(std::string_view key) const;

 private:
  // What the table says of a key that is about to be read; of Keys::Others nothing (Kind::Other).
  [[nodiscard]] Form form_of(std::string_view key, Form::Kind kind) const;
  [[nodiscard]] Section below(std::string_view key, Keys keys) const;
  [[nodiscard]] const YamlNode* at(std::string_view key) const;
  [[nodiscard]] const YamlNode* at(std::string_view key, Form::Kind kind) const;
  [[nodiscard]] std::optional<std::string> scalar(std::string_view key, Form::Kind kind) const;
  [[nodiscard]] std::vector<std::string> items_of(std::string_view key, const YamlNode& list) const;
  [[nodiscard]] std::string word_of(std::string_view key, std::string_view otherwise,
                                    std::string_view words) const;
  [[nodiscard]] std::int64_t number_of(std::string_view key, std::int64_t otherwise,
                                       std::int64_t lowest, std::int64_t highest) const;

  const YamlNode* node_;
  std::string path_;
  std::string source_;
  bool is_of_table_;
};

// "host:port", "[::1]:port", "a, [::1]:port", ":port", "host"; nullopt when the port is none, or
// another host than the last has one.
[[nodiscard]] std::optional<ListenAddress> parse_address(std::string_view text,
                                                         std::uint16_t default_port);
// The other way; an IPv6 address gets brackets.
[[nodiscard]] std::string to_string(const ListenAddress& address);

}  // namespace pgherd
