#include "model/sync_names.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace pgherd {
namespace {

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int compare(std::string_view left, std::string_view right) {
  const auto length = std::min(left.size(), right.size());
  for (std::size_t at = 0; at < length; ++at) {
    const auto l = static_cast<unsigned char>(folded(left[at]));
    const auto r = static_cast<unsigned char>(folded(right[at]));
    if (l != r) return l < r ? -1 : 1;
  }
  if (left.size() == right.size()) return 0;
  return left.size() < right.size() ? -1 : 1;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) {
  return begins_name(c) || is_digit(c) || c == '$';
}

struct Token {
  enum class Kind { Name, Number, Star, Comma, Open, Close, End, Bad } kind = Kind::End;
  std::string text;
  bool is_quoted = false;
};

// The words of PostgreSQL's own grammar (src/backend/replication/syncrep_scanner.l).
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  Token next() {
    while (!rest_.empty() && std::string_view(" \t\n\r\f\v").find(rest_.front()) != rest_.npos)
      rest_.remove_prefix(1);
    if (rest_.empty()) return {};
    const char first = rest_.front();
    if (first == '"') return quoted();
    if (begins_name(first)) return {.kind = Token::Kind::Name, .text = take(continues_name)};
    if (is_digit(first)) return {.kind = Token::Kind::Number, .text = take(is_digit)};
    rest_.remove_prefix(1);
    switch (first) {
      case '*':
        return {.kind = Token::Kind::Star, .text = {}};
      case ',':
        return {.kind = Token::Kind::Comma, .text = {}};
      case '(':
        return {.kind = Token::Kind::Open, .text = {}};
      case ')':
        return {.kind = Token::Kind::Close, .text = {}};
      default:
        return {.kind = Token::Kind::Bad, .text = {}};
    }
  }

 private:
  template <typename Belongs>
  std::string take(Belongs belongs) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), belongs);
    std::string text(rest_.begin(), end);
    rest_.remove_prefix(text.size());
    return text;
  }
  Token quoted() {
    Token token{.kind = Token::Kind::Name, .text = {}, .is_quoted = true};
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c != '"') {
        token.text.push_back(c);
      } else if (rest_.starts_with('"')) {
        token.text.push_back(c);
        rest_.remove_prefix(1);
      } else {
        return token;
      }
    }
    return {.kind = Token::Kind::Bad, .text = {}};
  }

  std::string_view rest_;
};

bool is_word(const Token& token, std::string_view word) {
  return token.kind == Token::Kind::Name && !token.is_quoted && same_name(token.text, word);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : scanner_(text) {
    token_ = scanner_.next();
    ahead_ = scanner_.next();
  }

  std::optional<SyncNames> parse() {
    SyncNames made;
    if (token_.kind == Token::Kind::End) return made;
    made.count = 1;
    bool has_list_in_parentheses = false;
    if (is_word(token_, "any") || is_word(token_, "first")) {
      if (is_word(token_, "any")) made.method = SyncNames::Method::Any;
      advance();
      if (token_.kind != Token::Kind::Number) return std::nullopt;
      has_list_in_parentheses = true;
    } else if (token_.kind == Token::Kind::Number && ahead_.kind == Token::Kind::Open) {
      has_list_in_parentheses = true;
    }
    if (has_list_in_parentheses) {
      const auto* const end = token_.text.data() + token_.text.size();
      const auto read = std::from_chars(token_.text.data(), end, made.count);
      if (read.ec != std::errc{} || made.count <= 0) return std::nullopt;
      advance();
      if (token_.kind != Token::Kind::Open) return std::nullopt;
      advance();
    }
    if (!list(made)) return std::nullopt;
    if (has_list_in_parentheses) {
      if (token_.kind != Token::Kind::Close) return std::nullopt;
      advance();
    }
    if (token_.kind != Token::Kind::End) return std::nullopt;
    return made;
  }

 private:
  void advance() { token_ = std::exchange(ahead_, scanner_.next()); }
  bool list(SyncNames& made) {
    for (;;) {
      if (token_.kind == Token::Kind::Star || (token_.is_quoted && token_.text == "*")) {
        made.has_star = true;
      } else if (token_.kind == Token::Kind::Name || token_.kind == Token::Kind::Number) {
        made.names.insert(token_.text);
      } else {
        return false;
      }
      advance();
      if (token_.kind != Token::Kind::Comma) return true;
      advance();
    }
  }

  Scanner scanner_;
  Token token_;
  Token ahead_;
};

std::string quoted(std::string_view name) {
  if (name == kNobodysName) return std::string(name);
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text.push_back(c);
    text.push_back(c);
  }
  return text + "\"";
}

}  // namespace

bool NameLess::operator()(std::string_view left, std::string_view right) const {
  return compare(left, right) < 0;
}

bool same_name(std::string_view left, std::string_view right) {
  return compare(left, right) == 0;
}

NameSet united(const NameSet& left, const NameSet& right) {
  NameSet made = left;
  made.insert(right.begin(), right.end());
  return made;
}

NameSet common(const NameSet& left, const NameSet& right) {
  NameSet made;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(),
                        std::inserter(made, made.end()), NameLess{});
  return made;
}

NameSet without(const NameSet& all, const NameSet& gone) {
  NameSet made;
  std::set_difference(all.begin(), all.end(), gone.begin(), gone.end(),
                      std::inserter(made, made.end()), NameLess{});
  return made;
}

bool is_within(const NameSet& part, const NameSet& whole) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end(), NameLess{});
}

std::string joined(const NameSet& names) {
  if (names.empty()) return "nobody";
  std::string text;
  for (const NodeName& name : names)
    text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

SyncNames all_of(NameSet names) {
  SyncNames made;
  made.count = static_cast<int>(names.size());
  made.names = std::move(names);
  return made;
}

SyncNames any_of(int count, NameSet names) {
  SyncNames made{.method = SyncNames::Method::Any, .count = count, .names = std::move(names)};
  if (made.names.empty()) made = SyncNames{};
  return made;
}

SyncNames nobody_yet(SyncNames::Method method) {
  return {.method = method, .count = 1, .names = {NodeName(kNobodysName)}};
}

std::optional<SyncNames> parse_sync_names(std::string_view text) {
  return Parser(text).parse();
}

std::string to_string(const SyncNames& names) {
  if (names.is_empty()) return {};
  std::string list;
  for (const NodeName& name : names.names)
    list.append(list.empty() ? "" : ",").append(quoted(name));
  if (names.has_star) list.append(list.empty() ? "*" : ",*");
  if (names.method == SyncNames::Method::Any)
    return "ANY " + std::to_string(names.count) + " (" + list + ")";
  if (names.count == 1 && names.names.size() + (names.has_star ? 1 : 0) == 1) return list;
  return std::to_string(names.count) + " (" + list + ")";
}

}  // namespace pgherd
