#include "base/check.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace pgherd {

void check_failed(std::string_view condition, std::string_view consequence,
                  const std::source_location& where) {
  std::string text = "pgherd: impossible state at ";
  text.append(where.file_name()).append(":").append(std::to_string(where.line()));
  text.append(": ").append(condition).append(" does not hold; ").append(consequence).append("\n");
  // write(2), not a stream: this may be the last thing the process does.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  std::abort();
}

}  // namespace pgherd
