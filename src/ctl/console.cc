#include "ctl/console.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cctype>
#include <istream>
#include <iterator>
#include <ostream>

#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

// Switches the terminal's echo off; on again when it goes.
class Silence {
 public:
  explicit Silence(bool is_terminal) {
    is_on_ = is_terminal && tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!is_on_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_on_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~Silence() {
    if (is_on_) (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  [[nodiscard]] bool is_on() const { return is_on_; }

 private:
  termios before_{};
  bool is_on_ = false;
};

std::string trimmed(const std::string& text) {
  const std::size_t from = text.find_first_not_of(" \t\r");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

}  // namespace

Console::Console(std::istream& in, std::ostream& out, std::ostream& err, Terminals terminals)
    : in_(in), out_(out), err_(err), terminals_(terminals) {}

void Console::say(std::string_view line) {
  out_ << line << std::endl;
}

void Console::print(std::string_view text) {
  out_ << text << std::flush;
}

void Console::complain(std::string_view line) {
  err_ << line << std::endl;
}

std::string Console::read_line() {
  std::string line;
  if (!std::getline(in_, line)) {
    out_ << std::endl;
    throw Aborted();
  }
  return trimmed(line);
}

std::string Console::ask(std::string_view question, const std::optional<std::string>& fallback) {
  for (;;) {
    print(fallback ? fmt::format("{} [{}]: ", question, *fallback) : fmt::format("{}: ", question));
    std::string answer = read_line();
    if (!answer.empty()) return answer;
    if (fallback) return *fallback;
  }
}

bool Console::confirm(std::string_view question) {
  for (;;) {
    print(fmt::format("{} [y/N]: ", question));
    std::string answer = read_line();
    for (char& c : answer)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (answer == "y" || answer == "yes") return true;
    if (answer.empty() || answer == "n" || answer == "no") return false;
    say("Error: invalid input");
  }
}

std::string Console::ask_secret(std::string_view question) {
  const Silence silence(terminals_.in);
  std::string answer = ask(question);
  if (silence.is_on()) say("");
  return answer;
}

std::string Console::read_all() {
  return {std::istreambuf_iterator<char>(in_), std::istreambuf_iterator<char>()};
}

void Console::clear_screen() {
  if (terminals_.out) print("\033[2J\033[1;1H");
}

}  // namespace pgherd::ctl
