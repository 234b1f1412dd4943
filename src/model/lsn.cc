#include "model/lsn.h"

#include <charconv>

namespace pgherd {
namespace {

std::optional<std::uint32_t> parse_half(std::string_view digits) {
  if (digits.empty() || digits.size() > 8) return std::nullopt;
  std::uint32_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, value, 16);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

void append_hex(std::string& text, std::uint32_t value) {
  char digits[9];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, value, 16);
  for (const char* at = digits; at != end; ++at) {
    text.push_back(*at >= 'a' ? static_cast<char>(*at - 'a' + 'A') : *at);
  }
}

}  // namespace

std::string to_string(Lsn lsn) {
  std::string text;
  append_hex(text, static_cast<std::uint32_t>(lsn.bytes >> 32U));
  text.push_back('/');
  append_hex(text, static_cast<std::uint32_t>(lsn.bytes));
  return text;
}

std::optional<Lsn> parse_lsn(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto high = parse_half(text.substr(0, slash));
  const auto low = parse_half(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{(std::uint64_t{*high} << 32U) | *low};
}

}  // namespace pgherd
