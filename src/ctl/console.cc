#include "ctl/console.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <istream>
#include <iterator>
#include <ostream>

#include "ctl/errors.h"
#include "ctl/time_text.h"

namespace pgherd::ctl {
namespace {

// What the terminal was before its echo was switched off; for the handler of Ctrl-C too.
termios before_silence;
volatile std::sig_atomic_t is_silent = 0;

// Switches the terminal's echo off; on again when it goes.
class Silence {
 public:
  explicit Silence(bool is_terminal) {
    if (!is_terminal || tcgetattr(STDIN_FILENO, &before_silence) != 0) return;
    termios quiet = before_silence;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_silent = 1;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~Silence() { restore_terminal(); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
};

std::string trimmed(const std::string& text) {
  const std::size_t from = text.find_first_not_of(" \t\r");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

}  // namespace

void restore_terminal() noexcept {
  if (is_silent == 0) return;
  is_silent = 0;
  (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_silence);
}

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

void Console::log(LogLevel level, WallTime when, std::string_view text) {
  if (level < lowest_level_) return;
  complain(fmt::format("{} - {} - {}", stamp_milliseconds(when), log_level_name(level), text));
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
  if (terminals_.in) say("");
  return answer;
}

std::string Console::read_all() {
  return {std::istreambuf_iterator<char>(in_), std::istreambuf_iterator<char>()};
}

void Console::clear_screen() {
  if (terminals_.out) print("\033[2J\033[1;1H");
}

}  // namespace pgherd::ctl
