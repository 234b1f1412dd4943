// LogConfig: the section `log`, as plain values (codec reads it, runtime/log.h obeys it).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgherd {

// What a log line can say: the attributes of a record in Python's logging, which Patroni's
// log.format names. Unknown: a name that is none of them, null in JSON.
enum class LogField {
  Text,  // no attribute: the piece's own text
  Asctime,
  Created,
  Filename,
  FuncName,
  Levelname,
  Levelno,
  Lineno,
  Message,
  Module,
  Msecs,
  Name,
  Pathname,
  Process,
  ProcessName,
  RelativeCreated,
  TaskName,
  Thread,
  ThreadName,
  Unknown,
};

// One piece of a line: `%(levelname)-8s`, or text between such.
struct LogPiece {
  LogField field = LogField::Text;
  std::string text;  // of Text; else the name of the member in JSON
  bool is_left_aligned = false;
  bool has_leading_zeros = false;
  int width = 0;                 // at least so many characters
  std::optional<int> precision;  // of a text: at most so many characters; of a number: decimals
  char conversion = 's';         // s, d or f, as printf's
  bool operator==(const LogPiece&) const = default;
};

// `%(asctime)s %(levelname)s: %(message)s`
[[nodiscard]] inline std::vector<LogPiece> default_log_form() {
  return {{.field = LogField::Asctime, .text = "asctime"},
          {.text = " "},
          {.field = LogField::Levelname, .text = "levelname"},
          {.text = ": "},
          {.field = LogField::Message, .text = "message"}};
}

struct LogConfig {
  std::string level = "INFO";
  bool as_json = false;                             // log.type: json
  std::vector<LogPiece> form = default_log_form();  // in JSON only its fields count
  std::string date_format;                          // strftime's; "": with milliseconds
  std::vector<std::pair<std::string, std::string>> static_fields;  // of JSON: name, JSON text
  std::map<std::string, std::string> loggers;  // name of a part of the program -> level
  std::uint64_t lines_waiting_max = 1000;      // 0: no limit
  bool says_heartbeats_once = false;           // log.deduplicate_heartbeat_logs
  std::string dir;                             // "": stderr; else <dir>/patroni.log, rotated
  std::optional<std::uint32_t> file_mode;      // absent: what the umask gives
  std::uint64_t file_size_bytes = 25000000;
  int file_num = 4;
  bool operator==(const LogConfig&) const = default;
};

}  // namespace pgherd
