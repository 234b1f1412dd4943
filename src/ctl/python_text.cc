#include "ctl/python_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>

namespace pgherd::ctl {
namespace {

using std::chrono::microseconds;
using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

enum class Kind { Text, Bool, Integer, Float, Json, Clock, Interval };

struct Type {
  Kind kind = Kind::Text;
  bool is_array = false;
};
struct KnownType {
  std::uint32_t oid;
  Type type;
};

// PostgreSQL's catalog pg_type. Of the arrays those whose elements Python shows as itself.
constexpr std::array<KnownType, 28> kTypes = {{
    {16, {Kind::Bool}},
    {20, {Kind::Integer}},
    {21, {Kind::Integer}},
    {23, {Kind::Integer}},
    {26, {Kind::Integer}},
    {114, {Kind::Json}},
    {199, {Kind::Json, true}},
    {700, {Kind::Float}},
    {701, {Kind::Float}},
    {1000, {Kind::Bool, true}},
    {1002, {Kind::Text, true}},
    {1003, {Kind::Text, true}},
    {1005, {Kind::Integer, true}},
    {1007, {Kind::Integer, true}},
    {1009, {Kind::Text, true}},
    {1014, {Kind::Text, true}},
    {1015, {Kind::Text, true}},
    {1016, {Kind::Integer, true}},
    {1021, {Kind::Float, true}},
    {1022, {Kind::Float, true}},
    {1028, {Kind::Integer, true}},
    {1083, {Kind::Clock}},
    {1114, {Kind::Clock}},
    {1184, {Kind::Clock}},
    {1186, {Kind::Interval}},
    {1266, {Kind::Clock}},
    {3802, {Kind::Json}},
    {3807, {Kind::Json, true}},
}};

Type type_of(std::uint32_t oid) {
  for (const KnownType& known : kTypes)
    if (known.oid == oid) return known.type;
  return {};
}

// repr() of a str: in the quotes that need no backslash, if there are such.
std::string python_quoted(std::string_view text) {
  const bool has_single = text.find('\'') != text.npos;
  const char quote = has_single && text.find('"') == text.npos ? '"' : '\'';
  std::string made(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      made.append({'\\', c});
    } else if (c == '\n') {
      made.append("\\n");
    } else if (c == '\r') {
      made.append("\\r");
    } else if (c == '\t') {
      made.append("\\t");
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      made.append(fmt::format("\\x{:02x}", c));
    } else {
      made.push_back(c);
    }
  }
  return made.append(1, quote);
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == text.npos) text.append(".0");
  return text;
}

// A value as print() shows it, as it stands in a list, and as JSON.
struct Shown {
  std::string text;
  std::string in_list;
  Json json;
};

Shown as_text(const std::string& text) {
  std::string in_list = python_quoted(text);
  return {.text = text, .in_list = std::move(in_list), .json = text};
}

Shown as_shown(std::string text, Json json) {
  return {.text = text, .in_list = text, .json = std::move(json)};
}

std::string in_list(const Json& value);

std::string list_text(const Json& list) {
  std::string made;
  for (const Json& item : list)
    made.append(made.empty() ? "" : ", ").append(in_list(item));
  return "[" + made + "]";
}

std::string dictionary_text(const Json& object) {
  std::string made;
  for (const auto& item : object.items()) {
    made.append(made.empty() ? "" : ", ");
    made.append(python_quoted(item.key())).append(": ").append(in_list(item.value()));
  }
  return "{" + made + "}";
}

// repr() of what Python's json reads.
std::string in_list(const Json& value) {
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number_float()) return float_text(value.get<double>());
  if (value.is_string()) return python_quoted(value.get<std::string>());
  if (value.is_array()) return list_text(value);
  if (value.is_object()) return dictionary_text(value);
  return value.dump();
}

Shown as_json(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return as_text(text);
  std::string shown = in_list(value);
  if (value.is_string()) return {value.get<std::string>(), std::move(shown), std::move(value)};
  return as_shown(std::move(shown), std::move(value));
}

Shown as_bool(const std::string& text) {
  return as_shown(text == "t" ? "True" : "False", text == "t");
}

Shown as_integer(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_number_integer() ? as_shown(text, std::move(value)) : as_text(text);
}

Shown as_float(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return as_text(text);
  std::string shown = float_text(value);
  return as_shown(shown, std::isfinite(value) ? Json(value) : Json(shown));
}

// isoformat() with a blank: six digits of a fraction, minutes in the offset.
Shown as_clock(const std::string& text) {
  const std::size_t colon = text.find(':');
  const bool is_of_python = colon != text.npos && !text.ends_with("BC");
  if (!is_of_python) return as_text(text);
  const std::size_t sign = std::min(text.find_first_of("+-", colon), text.size());
  std::string clock = text.substr(0, sign);
  std::string zone = text.substr(sign);
  const std::size_t dot = clock.find('.');
  constexpr std::size_t kDigits = 6;
  if (dot != clock.npos) clock.resize(dot + 1 + kDigits, '0');
  if (zone.size() == 3) zone.append(":00");
  return as_text(clock + zone);
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "-04:05:06.5"
std::optional<microseconds> clock_of(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t first = text.find(':');
  if (first == text.npos || text.size() < first + 6 || text[first + 3] != ':') return std::nullopt;
  std::string fraction(text.substr(first + 6));
  if (!fraction.empty() && fraction.front() != '.') return std::nullopt;
  fraction.resize(7, '0');
  const auto hours = integer_of(text.substr(0, first));
  const auto minutes = integer_of(text.substr(first + 1, 2));
  const auto seconds = integer_of(text.substr(first + 4, 2));
  const auto rest = integer_of(std::string_view(fraction).substr(1));
  if (!hours || !minutes || !seconds || !rest) return std::nullopt;
  const auto length =
      microseconds(*hours * 1h + *minutes * 1min + *seconds * 1s) + microseconds(*rest);
  return is_negative ? -length : length;
}

std::optional<microseconds> length_of(std::int64_t count, std::string_view unit) {
  constexpr std::int64_t kDaysOfMonth = 30;
  constexpr std::int64_t kDaysOfYear = 365;
  if (unit.starts_with("day")) return count * std::chrono::days(1);
  if (unit.starts_with("mon")) return count * std::chrono::days(kDaysOfMonth);
  if (unit.starts_with("year")) return count * std::chrono::days(kDaysOfYear);
  return std::nullopt;
}

// "1 year 2 mons -3 days 04:05:06"
std::optional<microseconds> interval_of(const std::string& text) {
  microseconds sum{0};
  std::istringstream words(text);
  std::string word;
  while (words >> word) {
    auto length = clock_of(word);
    if (!length) {
      const auto count = integer_of(word);
      std::string unit;
      if (!count || !(words >> unit)) return std::nullopt;
      length = length_of(*count, unit);
    }
    if (!length) return std::nullopt;
    sum += *length;
  }
  return sum;
}

// str() of a timedelta: whole days, which alone may be negative, and what is left over them.
Shown as_interval(const std::string& text) {
  const auto length = interval_of(text);
  if (!length) return as_text(text);
  const auto days = std::chrono::floor<std::chrono::days>(*length);
  const std::chrono::hh_mm_ss clock{*length - days};
  std::string shown;
  if (days.count() != 0) {
    shown = fmt::format("{} day{}, ", days.count(), std::abs(days.count()) == 1 ? "" : "s");
  }
  shown.append(fmt::format("{}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
                           clock.seconds().count()));
  if (clock.subseconds().count() != 0)
    shown.append(fmt::format(".{:06}", clock.subseconds().count()));
  return as_text(shown);
}

Shown shown_of(Kind kind, const std::string& text) {
  switch (kind) {
    case Kind::Bool:
      return as_bool(text);
    case Kind::Integer:
      return as_integer(text);
    case Kind::Float:
      return as_float(text);
    case Kind::Json:
      return as_json(text);
    case Kind::Clock:
      return as_clock(text);
    case Kind::Interval:
      return as_interval(text);
    case Kind::Text:
      break;
  }
  return as_text(text);
}

// PostgreSQL's text of an array (manual, 8.15.6): "{1,NULL}", "{{a,\"b c\"}}", "[0:1]={1,2}".
class ArrayReader {
 public:
  ArrayReader(Kind kind, std::string_view text) : kind_(kind), rest_(text) {
    if (rest_.starts_with('[')) rest_.remove_prefix(std::min(rest_.find('{'), rest_.size()));
  }
  std::optional<Shown> read() {
    auto list = read_list();
    return rest_.empty() ? std::move(list) : std::nullopt;
  }

 private:
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<Shown> read_list() {
    std::string text;
    Json list = Json::array();
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      if (!list.empty() && !take(',')) return std::nullopt;
      auto item = rest_.starts_with('{') ? read_list() : read_item();
      if (!item) return std::nullopt;
      text.append(list.empty() ? "" : ", ").append(item->in_list);
      list.push_back(std::move(item->json));
    }
    return as_shown("[" + text + "]", std::move(list));
  }

  std::optional<Shown> read_item() {
    const bool is_quoted = take('"');
    std::string text;
    while (!rest_.empty() && (is_quoted ? rest_[0] != '"' : rest_[0] != ',' && rest_[0] != '}')) {
      (void)take('\\');
      if (rest_.empty()) return std::nullopt;
      text.push_back(rest_[0]);
      rest_.remove_prefix(1);
    }
    if (is_quoted && !take('"')) return std::nullopt;
    if (!is_quoted && text.empty()) return std::nullopt;
    if (!is_quoted && text == "NULL") return as_shown("None", nullptr);
    return shown_of(kind_, text);
  }

  Kind kind_;
  std::string_view rest_;
};

}  // namespace

Cell python_cell(std::uint32_t oid, const std::string& text) {
  const Type type = type_of(oid);
  Shown shown = type.is_array ? ArrayReader(type.kind, text).read().value_or(as_text(text))
                              : shown_of(type.kind, text);
  return Cell{.text = std::move(shown.text),
              .json = shown.json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Cell python_none() {
  return Cell{.text = "None", .json = "null"};
}

}  // namespace pgherd::ctl
