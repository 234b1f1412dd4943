// The log: one line per event, as readers of Patroni's log expect it:
//   2024-05-01 12:00:00,123 INFO: text
// or, with log.type json, {"asctime": ..., "levelname": "INFO", "message": ..., extras}.
//
// Callers never wait for the disk or the terminal: a thread of its own writes; if it cannot follow,
// the oldest waiting lines are dropped and their number is reported. Until configure_log was called
// (and after flush_log at the end) lines go straight to stderr. Usable from any thread.
#pragma once

#include <fmt/core.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "model/agent_config.h"

namespace pgherd {

enum class LogLevel { Debug, Info, Warning, Error, Critical };

// Patroni's names in any case, with the synonyms WARN and FATAL. Throws std::invalid_argument.
[[nodiscard]] LogLevel log_level_from(std::string_view name);
[[nodiscard]] std::string_view log_level_name(LogLevel level);

// May be called again (reload). Throws std::runtime_error if the file cannot be written; the log
// then stays as it was.
void configure_log(const LogConfig& config);

// Waits until everything said so far is written. Before exit, before exec.
void flush_log();

[[nodiscard]] bool log_is_on(LogLevel level);

// Named facts beside the text: members of their own in JSON, left out of plain lines.
using LogFacts = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void log_line(LogLevel level, std::string_view text, LogFacts facts = {});

template <typename... Args>
void log_formatted(LogLevel level, fmt::format_string<Args...> text, Args&&... args) {
  if (log_is_on(level)) log_line(level, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void log_debug(fmt::format_string<Args...> text, Args&&... args) {
  log_formatted(LogLevel::Debug, text, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(fmt::format_string<Args...> text, Args&&... args) {
  log_formatted(LogLevel::Info, text, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> text, Args&&... args) {
  log_formatted(LogLevel::Warning, text, std::forward<Args>(args)...);
}
template <typename... Args>
void log_error(fmt::format_string<Args...> text, Args&&... args) {
  log_formatted(LogLevel::Error, text, std::forward<Args>(args)...);
}
template <typename... Args>
void log_critical(fmt::format_string<Args...> text, Args&&... args) {
  log_formatted(LogLevel::Critical, text, std::forward<Args>(args)...);
}

}  // namespace pgherd
