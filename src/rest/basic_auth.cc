#include "rest/basic_auth.h"

#include <cstdint>

namespace pgherd {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const bool is_there = at + i < bytes.size();
      group = (group << 8U) | (is_there ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const bool is_there = at + i <= bytes.size();
      text += is_there ? kDigits[(group >> (18U - 6U * i)) & 0x3FU] : '=';
    }
  }
  return text;
}

// Looks at every byte of `given` whatever the first ones are.
bool equal_in_constant_time(std::string_view expected, std::string_view given) {
  auto difference = static_cast<unsigned>(expected.size() ^ given.size());
  for (std::size_t at = 0; at < given.size(); ++at) {
    const char here = expected.empty() ? '\0' : expected[at % expected.size()];
    difference |= static_cast<unsigned char>(here) ^ static_cast<unsigned char>(given[at]);
  }
  return difference == 0;
}

}  // namespace

std::string basic_authorization(const Credentials& credentials) {
  return "Basic " + base64(credentials.username + ":" + credentials.password);
}

Authorization check_authorization(const Credentials& expected, std::string_view header) {
  if (header.empty()) return Authorization::Missing;
  return equal_in_constant_time(basic_authorization(expected), header) ? Authorization::Granted
                                                                       : Authorization::Wrong;
}

}  // namespace pgherd
