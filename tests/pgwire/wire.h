// Protocol bytes as the two sides write them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "pgwire/bytes.h"

namespace pgherd::pgwire::test {

using namespace std::string_view_literals;

inline std::string u32(std::uint32_t number) {
  std::string bytes;
  pgwire::append_u32(bytes, number);
  return bytes;
}

inline std::string packet(std::uint32_t code, std::string_view body = {}) {
  return u32(static_cast<std::uint32_t>(8 + body.size())) + u32(code) + std::string(body);
}

inline std::string startup(
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters,
    std::uint32_t version = 0x00030000) {
  std::string body;
  for (const auto& [name, value] : parameters)
    body.append(name).append(1, '\0').append(value).append(1, '\0');
  return packet(version, body + '\0');
}

inline std::string message(char type, std::string_view body = {}) {
  return type + u32(static_cast<std::uint32_t>(4 + body.size())) + std::string(body);
}

inline constexpr std::uint32_t kSsl = 80877103;
inline constexpr std::uint32_t kGssenc = 80877104;
inline constexpr std::uint32_t kCancel = 80877102;

// What a PostgreSQL 17 primary says to a client that needs no password.
inline std::string welcome(std::string_view in_hot_standby = "off", char status = 'I') {
  return message('R', u32(0)) +
         message('S',
                 "server_version\0"
                 "17.2\0"sv) +
         message('S', std::string("in_hot_standby\0"sv) + std::string(in_hot_standby) + '\0') +
         message('K', u32(4711) + u32(0xCAFE)) + message('Z', std::string(1, status));
}

}  // namespace pgherd::pgwire::test
