#include "rest/prometheus_text.h"

namespace pgherd {

std::string quoted_label(std::string_view value) {
  std::string made = "\"";
  for (const char c : value) {
    if (c == '\n') {
      made += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') made += '\\';
    made += c;
  }
  return made + "\"";
}

}  // namespace pgherd
