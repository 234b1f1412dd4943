#include "codec/log_format.h"

#include <algorithm>
#include <charconv>

#include "codec/config_keys.h"

namespace pgherd {
namespace {

struct KnownField {
  std::string_view name;
  LogField field;
  bool is_number = false;
};
constexpr KnownField kFields[] = {
    {"asctime", LogField::Asctime},
    {"created", LogField::Created, true},
    {"filename", LogField::Filename},
    {"funcName", LogField::FuncName},
    {"levelname", LogField::Levelname},
    {"levelno", LogField::Levelno, true},
    {"lineno", LogField::Lineno, true},
    {"message", LogField::Message},
    {"module", LogField::Module},
    {"msecs", LogField::Msecs, true},
    {"name", LogField::Name},
    {"pathname", LogField::Pathname},
    {"process", LogField::Process, true},
    {"processName", LogField::ProcessName},
    {"relativeCreated", LogField::RelativeCreated, true},
    {"taskName", LogField::TaskName},
    {"thread", LogField::Thread, true},
    {"threadName", LogField::ThreadName},
};

const KnownField* find_field(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kFields), std::end(kFields),
                   [&](const KnownField& known) { return known.name == name; });
  return found == std::end(kFields) ? nullptr : found;
}

std::string unknown_field(std::string_view name) {
  std::vector<std::string> names;
  for (const KnownField& known : kFields)
    names.emplace_back(known.name);
  const std::string nearest = nearest_of(name, names);
  return "%(" + std::string(name) + ") is no attribute of a log line" +
         (nearest.empty() ? "" : ", did you mean %(" + nearest + ")?");
}

int take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{}) text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// What stands behind "%(name)": "-8s". Takes it away.
Result<LogPiece, std::string> take_conversion(const KnownField& known, std::string_view& text) {
  LogPiece piece{.field = known.field, .text = std::string(known.name)};
  for (; !text.empty() && (text.front() == '-' || text.front() == '0'); text.remove_prefix(1))
    (text.front() == '-' ? piece.is_left_aligned : piece.has_leading_zeros) = true;
  constexpr int kWidest = 1000;
  piece.width = std::min(take_number(text), kWidest);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    piece.precision = std::min(take_number(text), kWidest);
  }
  piece.conversion = text.empty() ? '\0' : text.front();
  if (piece.conversion == 'i') piece.conversion = 'd';
  const bool is_right = piece.conversion == 's' ||
                        (known.is_number && (piece.conversion == 'd' || piece.conversion == 'f'));
  if (!is_right) {
    return fail("%(" + piece.text + ") is followed by s" +
                (known.is_number ? ", d or f" : ", it is a text") +
                ", with a width like -8 or 03 before it");
  }
  text.remove_prefix(1);
  return piece;
}

}  // namespace

LogField log_field_of(std::string_view name) {
  const KnownField* known = find_field(name);
  return known == nullptr ? LogField::Unknown : known->field;
}

Result<std::vector<LogPiece>, std::string> parse_log_format(std::string_view format) {
  std::vector<LogPiece> pieces;
  std::string between;
  const auto end_text = [&] {
    if (!between.empty()) pieces.push_back({.text = std::exchange(between, {})});
  };
  bool has_field = false;
  while (!format.empty()) {
    if (!format.starts_with('%') || format.starts_with("%%")) {
      between += format.front();
      format.remove_prefix(format.starts_with("%%") ? 2 : 1);
      continue;
    }
    const std::size_t end = format.find(')');
    if (!format.starts_with("%(") || end == std::string_view::npos)
      return fail("a percent sign begins %(name)s, or is doubled: %%");
    const std::string_view name = format.substr(2, end - 2);
    const KnownField* known = find_field(name);
    if (known == nullptr) return fail(unknown_field(name));
    format.remove_prefix(end + 1);
    Result<LogPiece, std::string> piece = take_conversion(*known, format);
    if (!piece) return fail(piece.error());
    end_text();
    pieces.push_back(std::move(*piece));
    has_field = true;
  }
  if (!has_field) return fail("it says nothing of the line: there is no %(message)s in it");
  end_text();
  return pieces;
}

}  // namespace pgherd
