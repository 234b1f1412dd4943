// The log: one line per event, as readers of Patroni's log expect it:
//   2024-05-01 12:00:00,123 INFO: text
// or as log.format says; with log.type json, {"asctime": ..., "levelname": "INFO", "message": ...}.
//
// Each line has a name, under which log.loggers can give it a level of its own: the place in the
// sources where it is said, "pgherd.postgres.local.bootstrap".
//
// Callers never wait for the disk or the terminal: a thread of its own writes; if it cannot follow,
// what comes when the queue is full is lost, and the number is reported. Until configure_log was
// called (and after flush_log at the end) lines go straight to stderr. Usable from any thread.
#pragma once

#include <fmt/core.h>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "model/log_config.h"

namespace pgherd {

enum class LogLevel { Debug, Info, Warning, Error, Critical };

// Patroni's names in any case, with the synonyms WARN and FATAL. Throws std::invalid_argument.
[[nodiscard]] LogLevel log_level_from(std::string_view name);
[[nodiscard]] std::string_view log_level_name(LogLevel level);

// Where in the sources a line is said. The texts live as long as the program.
struct LogPlace {
  const char* file;
  const char* function;
  int line;
};

// May be called again (reload); what waits is written as it was asked for. Throws
// std::runtime_error if the file cannot be written; the log then stays as it was.
void configure_log(const LogConfig& config);

// Waits until everything said so far is written, for 5 s at most: false, if the disk takes nothing.
// Before exit, before exec.
bool flush_log();

struct LogBacklog {
  std::size_t waiting = 0;  // lines that are not written yet
  std::size_t lost = 0;     // since that was last reported in the log
};
[[nodiscard]] LogBacklog log_backlog();

[[nodiscard]] bool log_is_on(LogLevel level, LogPlace place);
// For a line of the caller. The builtins mean the caller only as default arguments themselves, so
// they are not left to LogPlace.
[[nodiscard]] inline bool log_is_on(LogLevel level, const char* file = __builtin_FILE(),
                                    const char* function = __builtin_FUNCTION(),
                                    int line = __builtin_LINE()) {
  return log_is_on(level, LogPlace{.file = file, .function = function, .line = line});
}

// Named facts beside the text: members of their own in JSON, left out of plain lines.
using LogFacts = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void log_line(LogLevel level, std::string_view text, LogFacts facts, LogPlace place);
inline void log_line(LogLevel level, std::string_view text, LogFacts facts = {},
                     const char* file = __builtin_FILE(),
                     const char* function = __builtin_FUNCTION(), int line = __builtin_LINE()) {
  log_line(level, text, facts, LogPlace{.file = file, .function = function, .line = line});
}

// A text with places for values, and where it stands.
template <typename... Args>
struct LogText {
  template <typename Text>
    requires std::convertible_to<const Text&, fmt::string_view>
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval LogText(const Text& said, const char* file = __builtin_FILE(),
                    const char* function = __builtin_FUNCTION(), int line = __builtin_LINE())
      : text(said), place{file, function, line} {}
  fmt::format_string<Args...> text;
  LogPlace place;
};

template <typename... Args>
void log_formatted(LogLevel level, LogText<std::type_identity_t<Args>...> said, Args&&... args) {
  if (!log_is_on(level, said.place)) return;
  log_line(level, fmt::format(said.text, std::forward<Args>(args)...), {}, said.place);
}
template <typename... Args>
void log_debug(LogText<std::type_identity_t<Args>...> said, Args&&... args) {
  log_formatted<Args...>(LogLevel::Debug, said, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(LogText<std::type_identity_t<Args>...> said, Args&&... args) {
  log_formatted<Args...>(LogLevel::Info, said, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warning(LogText<std::type_identity_t<Args>...> said, Args&&... args) {
  log_formatted<Args...>(LogLevel::Warning, said, std::forward<Args>(args)...);
}
template <typename... Args>
void log_error(LogText<std::type_identity_t<Args>...> said, Args&&... args) {
  log_formatted<Args...>(LogLevel::Error, said, std::forward<Args>(args)...);
}
template <typename... Args>
void log_critical(LogText<std::type_identity_t<Args>...> said, Args&&... args) {
  log_formatted<Args...>(LogLevel::Critical, said, std::forward<Args>(args)...);
}

}  // namespace pgherd
