// Console: the person at the keyboard. Answers go to `out`, complaints to `err`; prompts are
// answered from `in`, one line each. Tests give it string streams.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "runtime/log.h"

namespace pgherd::ctl {

// The echo that ask_secret switched off is on again. For signal handlers.
void restore_terminal() noexcept;

struct Terminals {
  bool in = false;   // a person types
  bool out = false;  // a person reads: colours, pager, cleared screens
};

class Console {
 public:
  Console(std::istream& in, std::ostream& out, std::ostream& err, Terminals terminals = {});
  virtual ~Console() = default;

  // One line / text as it is, on stdout, flushed.
  void say(std::string_view line);
  void print(std::string_view text);
  // One line on stderr.
  void complain(std::string_view line);
  // A line of the log on stderr, if its level is to be shown; at first from warnings on.
  void log(LogLevel level, WallTime when, std::string_view text);
  void show_log_from(LogLevel level) { lowest_level_ = level; }

  // "question [fallback]: ", "question []: " for an empty fallback, "question: " without one: then
  // it asks until there is an answer. Throws Aborted at the end of input.
  [[nodiscard]] std::string ask(std::string_view question,
                                const std::optional<std::string>& fallback = {});
  // "question [y/N]: ". Throws Aborted at the end of input.
  [[nodiscard]] bool confirm(std::string_view question);
  // As ask, but a terminal does not show what is typed.
  [[nodiscard]] std::string ask_secret(std::string_view question);

  // Everything there is on stdin.
  [[nodiscard]] std::string read_all();
  // Before each turn of a watch; does nothing when nobody looks at a terminal.
  void clear_screen();
  [[nodiscard]] Terminals terminals() const { return terminals_; }

 private:
  [[nodiscard]] std::string read_line();

  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  Terminals terminals_;
  LogLevel lowest_level_ = LogLevel::Warning;
};

}  // namespace pgherd::ctl
