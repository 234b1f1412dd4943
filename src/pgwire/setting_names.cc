#include "pgwire/setting_names.h"

namespace pgherd::pgwire {
namespace {

char small(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool is_blank(char letter) {
  return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r' || letter == '\f';
}

bool is_of_word(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '_' || letter == '$' ||
         static_cast<unsigned char>(letter) >= 0x80;
}

bool begins_with(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (small(text[i]) != word[i]) return false;
  return true;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
}

// A word in small letters, and the blanks after it.
bool skip_word(std::string_view& text, std::string_view word) {
  if (!begins_with(text, word)) return false;
  if (text.size() > word.size() && is_of_word(text[word.size()])) return false;
  text.remove_prefix(word.size());
  skip_blanks(text);
  return true;
}

}  // namespace

void SettingNames::look_at(std::string_view statement) {
  constexpr std::string_view kSet = "set";
  constexpr std::string_view kConfig = "_config";
  for (std::size_t at = 0; at + kSet.size() < statement.size(); ++at) {
    if (small(statement[at]) != 's' || !begins_with(statement.substr(at), kSet)) continue;
    const std::string_view rest = statement.substr(at + kSet.size());
    if (begins_with(rest, kConfig)) {
      look_after_set_config(rest.substr(kConfig.size()));
    } else if (is_blank(rest.front()) && (at == 0 || !is_of_word(statement[at - 1]))) {
      look_after_set(rest);
    }
    at += kSet.size() - 1;
  }
}

// "SET [SESSION | LOCAL] a.b { = | TO }"
void SettingNames::look_after_set(std::string_view rest) {
  skip_blanks(rest);
  if (!skip_word(rest, "session")) static_cast<void>(skip_word(rest, "local"));
  std::size_t size = 0;
  while (size < rest.size() && (is_of_word(rest[size]) || rest[size] == '.' || rest[size] == '"'))
    ++size;
  std::string_view after = rest.substr(size);
  skip_blanks(after);
  if (after.starts_with('=') || skip_word(after, "to")) enter(rest.substr(0, size));
}

// "set_config('a.b', ..."
void SettingNames::look_after_set_config(std::string_view rest) {
  skip_blanks(rest);
  if (!rest.starts_with('(')) return;
  rest.remove_prefix(1);
  skip_blanks(rest);
  const auto end = rest.find('\'', 1);
  if (!rest.starts_with('\'') || end == std::string_view::npos) {
    is_complete_ = false;
    return;
  }
  enter(rest.substr(1, end - 1));
}

void SettingNames::enter(std::string_view name) {
  if (name.find('.') == std::string_view::npos) return;
  std::string entered;
  for (const char letter : name)
    if (letter != '"') entered += small(letter);
  if (names_.size() >= kNamesMax && !names_.contains(entered)) {
    is_complete_ = false;
    return;
  }
  names_.insert(std::move(entered));
}

}  // namespace pgherd::pgwire
