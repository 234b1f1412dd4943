#include "codec/config_reader.h"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "base/check.h"
#include "codec/config_environment.h"
#include "codec/parse_units.h"
#include "codec/shell_words.h"

namespace pgherd {
namespace {

using Kind = YamlNode::Kind;

// Passwords are not repeated in messages that end up in logs.
bool is_secret(std::string_view key) {
  return key.find("password") != std::string_view::npos;
}

std::string shown(const YamlNode& node, std::string_view key) {
  const bool is_url_with_user =
      node.text.find("://") != std::string::npos && node.text.find('@') != std::string::npos;
  if (is_secret(key) || is_url_with_user) return "a value";
  switch (node.kind) {
    case Kind::Scalar: {
      const std::size_t end = node.text.find('\n');
      return "'" + node.text.substr(0, end) + (end == std::string::npos ? "'" : "...'");
    }
    case Kind::Map:
      return "a map";
    case Kind::List:
      return "a list";
    case Kind::Null:
      return "empty";
  }
  return "unusable";
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string_view unquoted(std::string_view word) {
  word = trimmed(word);
  if (word.size() >= 2 && word.front() == word.back() &&
      (word.front() == '"' || word.front() == '\'')) {
    return word.substr(1, word.size() - 2);
  }
  return word;
}

// What a template leaves of a variable that is not set.
bool is_nothing(const YamlNode& node) {
  return node.kind == Kind::Scalar ? trimmed(node.text).empty()
                                   : node.kind == Kind::List && node.children.empty();
}

// Of "a, b, [::1]" each without brackets; nullopt where one of them has a port of its own.
std::optional<std::string> hosts_of(std::string_view list) {
  std::string hosts;
  while (true) {
    const std::size_t comma = list.find(',');
    std::string_view host = trimmed(list.substr(0, comma));
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    } else if (std::count(host.begin(), host.end(), ':') == 1) {
      return std::nullopt;
    }
    hosts.append(hosts.empty() ? "" : ",").append(host);
    if (comma == std::string_view::npos) return hosts;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

Section::Section(const YamlNode* node, std::string path, std::string source, Keys keys)
    : node_(node),
      path_(std::move(path)),
      source_(std::move(source)),
      is_of_table_(keys == Keys::OfTable && is_section_of_table(path_)) {}

std::string Section::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const YamlNode* Section::at(std::string_view key) const {
  const YamlNode* found = node_ == nullptr ? nullptr : node_->find(key);
  return found == nullptr || found->kind == Kind::Null ? nullptr : found;
}

Form Section::form_of(std::string_view key, Form::Kind kind) const {
  if (!is_of_table_) return {};
  const KnownKey* row = row_of(path_of(key));
  PGHERD_CHECK(row != nullptr, path_of(key) + " is read, and the table of keys does not have it");
  PGHERD_CHECK(row->form.kind == kind || row->form.kind == Form::Kind::Other,
               path_of(key) + " is read in another form than the table of keys has");
  return row->form;
}

const YamlNode* Section::at(std::string_view key, Form::Kind kind) const {
  std::ignore = form_of(key, kind);
  return at(key);
}

const YamlNode* Section::find(std::string_view key) const {
  const std::string path = path_of(key);
  PGHERD_CHECK(!is_of_table_ || row_of(path) != nullptr || is_section_of_table(path),
               path + " is looked at, and the table of keys does not have it");
  return at(key);
}

void Section::refuse(std::string_view key, std::string_view allowed) const {
  const YamlNode* node = at(key);
  const std::string origin = node == nullptr || node->origin.empty() ? source_ : node->origin;
  throw ConfigError(origin + ": " + path_of(key) + " is " +
                        (node == nullptr ? "missing" : shown(*node, key)) + "; allowed is " +
                        std::string(allowed),
                    path_of(key));
}

void Section::refuse_missing(std::string_view key) const {
  const std::string variable = variable_for(path_of(key));
  throw ConfigError(source_ + ": " + path_of(key) + " is missing; set it in the file" +
                        (variable.empty() ? "" : " or in the variable " + variable),
                    path_of(key));
}

Section Section::section(std::string_view key) const {
  std::ignore = find(key);
  return below(key, is_of_table_ ? Keys::OfTable : Keys::Others);
}

Section Section::named_section(std::string_view key) const {
  return below(key, Keys::Others);
}

Section Section::below(std::string_view key, Keys keys) const {
  const YamlNode* found = at(key);
  if (found != nullptr && is_nothing(*found)) found = nullptr;
  if (found != nullptr && found->kind != Kind::Map) refuse(key, "a section (a map of keys)");
  return {found, path_of(key), source_, keys};
}

std::optional<std::string> Section::scalar(std::string_view key, Form::Kind kind) const {
  const YamlNode* found = at(key, kind);
  if (found == nullptr) return std::nullopt;
  if (found->kind != Kind::Scalar) refuse(key, "a text");
  return found->text;
}

std::optional<std::string> Section::text(std::string_view key) const {
  return scalar(key, Form::Kind::Text);
}

std::string Section::text_or(std::string_view key, std::string_view otherwise) const {
  return text(key).value_or(std::string(otherwise));
}

std::string in_lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string Section::required_text(std::string_view key) const {
  std::optional<std::string> found = text(key);
  if (!found || found->empty()) refuse_missing(key);
  return *found;
}

std::string Section::word_of(std::string_view key, std::string_view otherwise,
                             std::string_view words) const {
  const std::string word = scalar(key, Form::Kind::Word).value_or(std::string(otherwise));
  for (std::string_view rest = words;;) {
    const std::size_t comma = rest.find(", ");
    if (word == rest.substr(0, comma)) return word;
    if (comma == std::string_view::npos) refuse(key, "one of " + std::string(words));
    rest.remove_prefix(comma + 2);
  }
}

std::string Section::one_of(std::string_view key, std::string_view otherwise) const {
  return word_of(key, otherwise, form_of(key, Form::Kind::Word).words);
}

std::string Section::one_of(std::string_view key, std::string_view otherwise,
                            std::string_view words) const {
  PGHERD_CHECK(!is_of_table_, path_of(key) + ": its words stand in the table of keys");
  return word_of(key, otherwise, words);
}

std::optional<bool> Section::flag(std::string_view key) const {
  const std::optional<std::string> word = scalar(key, Form::Kind::Flag);
  if (!word || trimmed(*word).empty()) return std::nullopt;
  const std::optional<bool> parsed = parse_bool(trimmed(*word));
  if (!parsed) refuse(key, "true or false (on/off, yes/no, 1/0)");
  return parsed;
}

std::int64_t Section::integer_or(std::string_view key, std::int64_t otherwise) const {
  const Form form = form_of(key, Form::Kind::Number);
  return number_of(key, otherwise, form.lowest, form.highest);
}

std::int64_t Section::integer_or(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                                 std::int64_t highest) const {
  PGHERD_CHECK(!is_of_table_, path_of(key) + ": its range stands in the table of keys");
  return number_of(key, otherwise, lowest, highest);
}

std::int64_t Section::number_of(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                                std::int64_t highest) const {
  const std::optional<std::string> word = scalar(key, Form::Kind::Number);
  if (!word || trimmed(*word).empty()) return otherwise;
  const std::optional<std::int64_t> number = parse_integer(*word);
  if (!number || *number < lowest || *number > highest) {
    refuse(key, "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
  }
  return *number;
}

std::optional<ListenAddress> Section::address(std::string_view key,
                                              std::uint16_t default_port) const {
  const std::optional<std::string> word = scalar(key, Form::Kind::Address);
  if (!word || trimmed(*word).empty()) return std::nullopt;
  // Of a template or a shell script whose variables were not put in.
  if (word->find_first_of("${}<>") != std::string::npos)
    refuse(key, "host:port; a variable was not put in here");
  std::optional<ListenAddress> parsed = parse_address(*word, default_port);
  // A port alone would be taken for a host.
  const bool is_number = parsed && !parsed->host.empty() &&
                         parsed->host.find_first_not_of("0123456789") == std::string::npos;
  if (!parsed && word->find(',') != std::string::npos)
    refuse(key, "addresses between commas and one port behind the last of them");
  if (!parsed || is_number) refuse(key, "host:port, an IPv6 address in brackets");
  return parsed;
}

std::vector<std::string> Section::items_of(std::string_view key, const YamlNode& list) const {
  std::vector<std::string> words;
  if (is_nothing(list)) return words;
  if (list.kind != Kind::List) refuse(key, "a list of texts");
  for (const auto& child : list.children) {
    if (child.node.kind != Kind::Scalar) refuse(key, "a list of texts");
    words.push_back(child.node.text);
  }
  return words;
}

std::vector<std::string> Section::lines(std::string_view key) const {
  const YamlNode* found = at(key, Form::Kind::Lines);
  return found == nullptr ? std::vector<std::string>{} : items_of(key, *found);
}

std::vector<std::string> Section::comma_list(std::string_view key) const {
  const YamlNode* found = at(key, Form::Kind::Words);
  if (found == nullptr) return {};
  if (found->kind == Kind::List) return items_of(key, *found);
  if (found->kind != Kind::Scalar) refuse(key, "a list, or a text of words between commas");
  std::string_view rest = trimmed(found->text);
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  std::vector<std::string> words;
  while (true) {
    const std::size_t comma = rest.find(',');
    if (const auto word = unquoted(rest.substr(0, comma)); !word.empty()) words.emplace_back(word);
    if (comma == std::string_view::npos) return words;
    rest.remove_prefix(comma + 1);
  }
}

std::map<std::string, std::string> Section::text_map(std::string_view key) const {
  std::ignore = form_of(key, Form::Kind::Texts);
  const Section map = below(key, Keys::Others);
  std::map<std::string, std::string> texts;
  if (!map.exists()) return texts;
  for (const auto& child : map.node()->children) {
    if (child.node.kind != Kind::Null) texts[child.key] = *map.text(child.key);
  }
  return texts;
}

OptionList Section::options(std::string_view key) const {
  constexpr std::string_view kAllowed = "a list of words and one-key maps, or a map";
  const YamlNode* found = at(key, Form::Kind::Options);
  OptionList list;
  if (found == nullptr || is_nothing(*found)) return list;
  const auto add = [&](const std::string& name, const YamlNode& value) {
    if (value.kind == Kind::Map || value.kind == Kind::List) refuse(key, kAllowed);
    const Json resolved = to_json(value);
    if (resolved.is_boolean()) {
      if (resolved.get<bool>()) list.emplace_back(name, "");
    } else {
      list.emplace_back(name, option_value(value.text));
    }
  };
  if (found->kind == Kind::Scalar) refuse(key, kAllowed);
  for (const auto& [name, child] : found->children) {
    if (found->kind == Kind::Map) {
      if (child.kind != Kind::Null && !is_nothing(child)) add(name, child);
    } else if (child.kind == Kind::Scalar) {
      list.emplace_back(child.text, "");
    } else if (child.kind == Kind::Map && child.children.size() == 1) {
      add(child.children[0].key, child.children[0].node);
    } else {
      refuse(key, kAllowed);
    }
  }
  return list;
}

std::optional<ListenAddress> parse_address(std::string_view text, std::uint16_t default_port) {
  text = trimmed(text);
  ListenAddress address{.host = std::string(text), .port = default_port};
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && text.back() != ']';
  if (has_port) {
    const std::optional<std::int64_t> port = parse_integer(text.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535) return std::nullopt;
    address.host = trimmed(text.substr(0, colon));
    address.port = static_cast<std::uint16_t>(*port);
  }
  const std::optional<std::string> hosts = hosts_of(address.host);
  if (!hosts) return std::nullopt;
  address.host = *hosts;
  return address;
}

std::string to_string(const ListenAddress& address) {
  const bool is_ipv6 =
      address.host.find(':') != std::string::npos && address.host.find(',') == std::string::npos;
  return (is_ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace pgherd
