#include "codec/shell_words.h"

namespace pgherd {
namespace {

class Cutter {
 public:
  explicit Cutter(std::string_view text) : rest_(text) {}

  std::optional<std::vector<std::string>> words() {
    while (!rest_.empty()) {
      if (!take_next()) return std::nullopt;
    }
    end_word();
    return std::move(words_);
  }

 private:
  char take() {
    const char next = rest_.front();
    rest_.remove_prefix(1);
    return next;
  }
  void add(char letter) {
    word_ += letter;
    is_in_word_ = true;
  }
  void end_word() {
    if (is_in_word_) words_.push_back(std::move(word_));
    word_.clear();
    is_in_word_ = false;
  }

  bool take_next() {
    const char next = take();
    switch (next) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        end_word();
        return true;
      case '\\':
        if (rest_.empty()) return false;
        add(take());
        return true;
      case '\'':
      case '"':
        return take_quoted(next);
      default:
        add(next);
        return true;
    }
  }

  // A backslash counts between double quotes only, before one of them and before itself.
  bool take_quoted(char quote) {
    is_in_word_ = true;  // '' is a word
    while (!rest_.empty()) {
      const char next = take();
      if (next == quote) return true;
      const bool is_escape = quote == '"' && next == '\\' && !rest_.empty() &&
                             (rest_.front() == '"' || rest_.front() == '\\');
      add(is_escape ? take() : next);
    }
    return false;
  }

  std::string_view rest_;
  std::string word_;
  bool is_in_word_ = false;
  std::vector<std::string> words_;
};

}  // namespace

std::optional<std::vector<std::string>> shell_words(std::string_view command) {
  return Cutter(command).words();
}

std::string option_value(std::string_view text) {
  auto words = shell_words(text);
  return words && words->size() == 1 ? std::move(words->front()) : std::string(text);
}

}  // namespace pgherd
