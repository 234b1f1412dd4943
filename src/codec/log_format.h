// The form of a log line as Patroni's log.format gives it, in the words of Python's logging.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/log_config.h"

namespace pgherd {

// Unknown for what is no attribute of a record; names are told apart by case.
[[nodiscard]] LogField log_field_of(std::string_view name);

// "%(asctime)s %(levelname)-8s %(message)s". The error says what is wrong with it, and what would
// be right.
[[nodiscard]] Result<std::vector<LogPiece>, std::string> parse_log_format(std::string_view format);

}  // namespace pgherd
