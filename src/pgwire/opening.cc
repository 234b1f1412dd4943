#include "pgwire/opening.h"

#include <optional>
#include <utility>

#include "pgwire/bytes.h"

namespace pgherd::pgwire {
namespace {

constexpr std::uint32_t kCancelCode = 80877102;
constexpr std::uint32_t kSslCode = 80877103;
constexpr std::uint32_t kGssencCode = 80877104;
constexpr std::size_t kHead = 8;  // length and code
constexpr char kTlsHandshake = 0x16;
constexpr const char* kProtocolViolation = "08P01";

Malformed violation(std::string why) {
  return {.sqlstate = kProtocolViolation, .why = std::move(why)};
}

// The text up to the next NUL, which is taken off `rest`; nullopt: there is none.
std::optional<std::string_view> take_text(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

// As PostgreSQL's parse_bool takes it, or the word that asks for a logical walsender.
bool asks_for_replication(std::string_view value) {
  std::string word(value);
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const char* yes : {"true", "t", "on", "yes", "y", "1", "database"})
    if (word == yes) return true;
  return false;
}

void take_parameter(StartupMessage& message, std::string_view name, std::string_view value) {
  if (name == "user") message.user = value;
  if (name == "database") message.database = value;
  if (name == "application_name") message.application_name = value;
  if (name == "replication") message.is_replication = asks_for_replication(value);
}

OpeningMessage read_startup(std::uint32_t version, std::string_view parameters) {
  const unsigned major = version >> 16U;
  StartupMessage message{.minor = version & 0xFFFFU};
  if (major != 3) {
    return Malformed{.sqlstate = "0A000",
                     .why = "unsupported frontend protocol " + std::to_string(major) + "." +
                            std::to_string(message.minor) + ": this router speaks 3"};
  }
  while (!parameters.empty() && parameters.front() != '\0') {
    const auto name = take_text(parameters);
    const auto value = name ? take_text(parameters) : std::nullopt;
    if (!value) return violation("invalid startup packet: a parameter has no end");
    take_parameter(message, *name, *value);
  }
  if (parameters.size() != 1) {
    return violation("invalid startup packet layout: expected terminator as last byte");
  }
  if (message.user.empty()) {
    return Malformed{.sqlstate = "28000",
                     .why = "no PostgreSQL user name specified in startup packet"};
  }
  if (message.database.empty()) message.database = message.user;
  return message;
}

OpeningMessage read_cancel(std::string_view body) {
  CancelRequest request{.pid = read_u32(body)};
  request.key = body.substr(4);
  return request;
}

// Lengths that this code can have; the whole packet, length word included.
bool fits(std::uint32_t code, std::size_t length) {
  if (code == kSslCode || code == kGssencCode) return length == kHead;
  if (code == kCancelCode) {
    return length >= kHead + 4 + kCancelKeyMin && length <= kHead + 4 + kCancelKeyMax;
  }
  return length > kHead;
}

OpeningMessage read_packet(std::uint32_t code, std::string_view body) {
  switch (code) {
    case kSslCode:
      return SslRequest{};
    case kGssencCode:
      return GssencRequest{};
    case kCancelCode:
      return read_cancel(body);
    default:
      return read_startup(code, body);
  }
}

}  // namespace

Opening read_opening(std::string_view bytes) {
  if (bytes.empty()) return {.message = NeedMore{}};
  if (bytes.front() == kTlsHandshake) return {.message = DirectTls{}};
  // No packet is longer than two bytes can say, so its length begins with two zeros.
  if (bytes.front() != '\0' || (bytes.size() > 1 && bytes[1] != '\0')) {
    return {.message = Foreign{}};
  }
  if (bytes.size() < 4) return {.message = NeedMore{}};
  const std::size_t length = read_u32(bytes);
  if (length < kHead || length > kOpeningMax) {
    return {.message = violation("invalid length of startup packet: " + std::to_string(length))};
  }
  if (bytes.size() < kHead) return {.message = NeedMore{.bytes_in_all = kHead}};
  const std::uint32_t code = read_u32(bytes.substr(4));
  if (!fits(code, length)) {
    return {.message = violation("invalid length of startup packet: " + std::to_string(length))};
  }
  if (bytes.size() < length) return {.message = NeedMore{.bytes_in_all = length}};
  return {.message = read_packet(code, bytes.substr(kHead, length - kHead)), .size = length};
}

std::string write_cancel(const CancelRequest& request) {
  std::string bytes;
  append_u32(bytes, static_cast<std::uint32_t>(kHead + 4 + request.key.size()));
  append_u32(bytes, kCancelCode);
  append_u32(bytes, request.pid);
  return bytes + request.key;
}

}  // namespace pgherd::pgwire
