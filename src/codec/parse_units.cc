#include "codec/parse_units.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

namespace pgherd {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 5> kMemoryUnits = {{
    {"B", 1},
    {"kB", std::int64_t{1} << 10},
    {"MB", std::int64_t{1} << 20},
    {"GB", std::int64_t{1} << 30},
    {"TB", std::int64_t{1} << 40},
}};

constexpr std::array<Unit, 6> kTimeUnits = {{
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"min", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 86'400'000'000'000},
}};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

// Reads an integer at the beginning of `text` and takes it away.
std::optional<std::int64_t> take_integer(std::string_view& text) {
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.starts_with("0x") || rest.starts_with("0X")) {
    base = 16;
    rest.remove_prefix(2);
  } else if (rest.size() > 1 && rest.front() == '0' && is_digit(rest[1])) {
    base = 8;
  }
  std::int64_t value = 0;
  if (rest.starts_with('-')) return std::nullopt;  // from_chars would take a second sign
  const auto [stopped, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (error != std::errc{}) return std::nullopt;
  text = rest.substr(static_cast<std::size_t>(stopped - rest.data()));
  return is_negative ? -value : value;
}

// "1.5GB", "5e2ms": from the beginning of `text` up to the unit.
std::optional<double> take_fraction(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && (is_digit(text[length]) || text[length] == '.' ||
                                  text[length] == '+' || text[length] == '-')) {
    ++length;
  }
  if (length + 1 < text.size() && (text[length] == 'e' || text[length] == 'E') &&
      (is_digit(text[length + 1]) || text[length + 1] == '-' || text[length + 1] == '+')) {
    ++length;
    while (length < text.size() &&
           (is_digit(text[length]) || text[length] == '-' || text[length] == '+')) {
      ++length;
    }
  }
  double value = 0;
  std::string_view digits = text.substr(0, length);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto [stopped, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || stopped != digits.data() + digits.size()) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

template <std::size_t kCount>
std::optional<std::int64_t> parse_with_unit(std::string_view text,
                                            const std::array<Unit, kCount>& units,
                                            std::int64_t bare_unit) {
  text = trimmed(text);
  std::string_view rest = text;
  std::optional<std::int64_t> whole = take_integer(rest);
  double fraction = 0;
  // An octal with an 8 in it, "1.5" and "1e3" stop the integer early: read them as fractions.
  const bool is_fraction =
      !whole || (!rest.empty() && (rest.front() == '.' || rest.front() == 'e' ||
                                   rest.front() == 'E' || is_digit(rest.front())));
  if (is_fraction) {
    rest = text;
    const std::optional<double> number = take_fraction(rest);
    if (!number) return std::nullopt;
    whole.reset();
    fraction = *number;
  }
  std::int64_t factor = bare_unit;
  if (const std::string_view name = trimmed(rest); !name.empty()) {
    factor = 0;
    for (const Unit& unit : units) {
      if (unit.name == name) factor = unit.factor;
    }
    if (factor == 0) return std::nullopt;
  }
  std::int64_t product = 0;
  if (whole) {
    if (__builtin_mul_overflow(*whole, factor, &product)) return std::nullopt;
    return product;
  }
  const double rounded = std::rint(fraction * static_cast<double>(factor));
  if (!(std::abs(rounded) < 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(rounded);
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  const std::optional<std::int64_t> value = take_integer(text);
  if (!value || !text.empty()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_memory(std::string_view text, std::int64_t bare_unit) {
  return parse_with_unit(text, kMemoryUnits, bare_unit);
}

std::optional<Duration> parse_duration(std::string_view text, Duration bare_unit) {
  const auto nanoseconds = parse_with_unit(text, kTimeUnits, bare_unit.count());
  if (!nanoseconds) return std::nullopt;
  return Duration(*nanoseconds);
}

}  // namespace pgherd
