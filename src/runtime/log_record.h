// One line of the log before it is written, and its text in the form that the configuration gives.
// Of runtime/log.cc only.
#pragma once

#include <string>
#include <string_view>

#include "base/instant.h"
#include "model/log_config.h"
#include "runtime/log.h"

namespace pgherd {

struct LogRecord {
  LogLevel level = LogLevel::Info;
  std::string_view text;
  LogFacts facts;
  LogPlace place;
  std::int64_t microseconds = 0;  // since 1970
};

// "src/postgres/local/bootstrap.cc": "pgherd.postgres.local.bootstrap"
[[nodiscard]] std::string logger_name(const LogPlace& place);

// Without a line break at the end.
[[nodiscard]] std::string written_line(const LogRecord& record, const LogConfig& config);

}  // namespace pgherd
