#include "runtime/log_record.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <variant>

namespace pgherd {
namespace {

constexpr std::int64_t kMicrosecondsASecond = 1000000;

std::int64_t now_in_microseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

const std::int64_t kProgramBegan = now_in_microseconds();

std::string_view path_in_sources(const LogPlace& place) {
  const std::string_view path(place.file);
  constexpr std::string_view kSources = "src/";
  const std::size_t at = path.rfind(kSources);
  return at == std::string_view::npos ? path : path.substr(at + kSources.size());
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string_view without_extension(std::string_view path) {
  return path.substr(0, path.rfind('.'));
}

std::string time_text(const LogRecord& record, const std::string& date_format) {
  const std::time_t seconds = record.microseconds / kMicrosecondsASecond;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  if (date_format.empty()) {
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       record.microseconds % kMicrosecondsASecond / 1000);
  }
  std::array<char, 512> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), date_format.c_str(), &parts);
  return {text.data(), length};
}

// Python's numbers of its levels.
int level_number(LogLevel level) {
  constexpr int kStep = 10;
  return kStep * (static_cast<int>(level) + 1);
}

using Value = std::variant<std::monostate, std::string, std::int64_t, double>;

Value value_of(LogField field, const LogRecord& record, const LogConfig& config) {
  const std::string_view path = path_in_sources(record.place);
  switch (field) {
    case LogField::Asctime:
      return time_text(record, config.date_format);
    case LogField::Created:
      return static_cast<double>(record.microseconds) / 1e6;
    case LogField::Filename:
      return std::string(file_name(path));
    case LogField::FuncName:
      return std::string(record.place.function);
    case LogField::Levelname:
      return std::string(log_level_name(record.level));
    case LogField::Levelno:
      return static_cast<std::int64_t>(level_number(record.level));
    case LogField::Lineno:
      return static_cast<std::int64_t>(record.place.line);
    case LogField::Message:
      return std::string(record.text);
    case LogField::Module:
      return std::string(without_extension(file_name(path)));
    case LogField::Msecs: {
      const std::int64_t whole = record.microseconds % kMicrosecondsASecond / 1000;
      return static_cast<double>(whole);
    }
    case LogField::Name:
      return logger_name(record.place);
    case LogField::Pathname:
      return std::string(path);
    case LogField::Process:
      return static_cast<std::int64_t>(::getpid());
    case LogField::ProcessName:
      return "MainProcess";
    case LogField::RelativeCreated:
      return static_cast<double>(record.microseconds - kProgramBegan) / 1e3;
    case LogField::Thread:
      return static_cast<std::int64_t>(::gettid());
    case LogField::ThreadName:
      return ::gettid() == ::getpid() ? "MainThread" : fmt::format("Thread-{}", ::gettid());
    case LogField::Text:
    case LogField::TaskName:
    case LogField::Unknown:
      return {};
  }
  return {};
}

std::string number_text(double number) {
  return number == std::floor(number) ? fmt::format("{:.1f}", number) : fmt::format("{}", number);
}

// As printf would write it, before it is made wider.
std::string converted(const Value& value, const LogPiece& piece) {
  constexpr int kDecimals = 6;
  const auto* whole = std::get_if<std::int64_t>(&value);
  const auto* fraction = std::get_if<double>(&value);
  if (whole != nullptr || fraction != nullptr) {
    const double number = whole != nullptr ? static_cast<double>(*whole) : *fraction;
    if (piece.conversion == 'd')
      return fmt::format("{}", whole != nullptr ? *whole : static_cast<std::int64_t>(number));
    if (piece.conversion == 'f')
      return fmt::format("{:.{}f}", number, piece.precision.value_or(kDecimals));
  }
  std::string text = whole != nullptr                             ? fmt::format("{}", *whole)
                     : fraction != nullptr                        ? number_text(*fraction)
                     : std::holds_alternative<std::string>(value) ? std::get<std::string>(value)
                                                                  : "None";
  if (piece.precision)
    text.resize(std::min(text.size(), static_cast<std::size_t>(*piece.precision)));
  return text;
}

std::string plain_text(const LogPiece& piece, const LogRecord& record, const LogConfig& config) {
  if (piece.field == LogField::Text) return piece.text;
  std::string text = converted(value_of(piece.field, record, config), piece);
  const auto width = static_cast<std::size_t>(piece.width);
  if (text.size() >= width) return text;
  const std::size_t missing = width - text.size();
  if (piece.is_left_aligned) return text.append(missing, ' ');
  const bool has_zeros = piece.has_leading_zeros && piece.conversion != 's';
  return std::string(missing, has_zeros ? '0' : ' ') + text;
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string json_value(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *whole);
  if (const auto* fraction = std::get_if<double>(&value)) return number_text(*fraction);
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return "null";
  std::string quoted;
  append_json(quoted, *text);
  return quoted;
}

std::string json_line(const LogRecord& record, const LogConfig& config) {
  std::string line = "{";
  const auto begin_member = [&](std::string_view name) {
    if (line.size() > 1) line += ", ";
    append_json(line, name);
    line += ": ";
  };
  for (const LogPiece& piece : config.form) {
    if (piece.field == LogField::Text) continue;
    begin_member(piece.text);
    line += json_value(value_of(piece.field, record, config));
  }
  for (const auto& [name, json] : config.static_fields) {
    begin_member(name);
    line += json;
  }
  for (const auto& [name, value] : record.facts) {
    begin_member(name);
    append_json(line, value);
  }
  return line + "}";
}

}  // namespace

std::string logger_name(const LogPlace& place) {
  std::string name = "pgherd." + std::string(without_extension(path_in_sources(place)));
  for (char& c : name)
    if (c == '/') c = '.';
  return name;
}

std::string written_line(const LogRecord& record, const LogConfig& config) {
  if (config.as_json) return json_line(record, config);
  std::string line;
  for (const LogPiece& piece : config.form)
    line += plain_text(piece, record, config);
  return line;
}

}  // namespace pgherd
