// values_again: reads values of the store's keys, one a line as `kind TAB name TAB value`, and
// prints each as pgherd writes what it has understood of it; `-` where it has understood nothing.
#include <iostream>
#include <string>
#include <string_view>

#include "codec/dcs_values.h"

namespace pgherd {
namespace {

std::string again(std::string_view kind, const std::string& name, std::string_view value) {
  if (kind == "member") return encode_member(decode_member(name, value));
  if (kind == "status") return encode_status(decode_status(value));
  if (kind == "failsafe") return encode_failsafe(decode_failsafe(value));
  if (kind == "history") {
    const auto rows = decode_history(value);
    return rows ? encode_history(*rows) : "-";
  }
  if (kind == "failover") {
    const auto request = decode_failover(value);
    return request ? encode_failover(*request) : "-";
  }
  if (kind == "sync") {
    const auto sync = decode_sync(value);
    return sync ? encode_sync(*sync) : "-";
  }
  return "no such kind";
}

}  // namespace
}  // namespace pgherd

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t kind_end = line.find('\t');
    const std::size_t name_end = line.find('\t', kind_end + 1);
    if (name_end == std::string::npos) return 1;
    const std::string_view text = line;
    std::cout << pgherd::again(text.substr(0, kind_end),
                               line.substr(kind_end + 1, name_end - kind_end - 1),
                               text.substr(name_end + 1))
              << '\n';
  }
}
