#include "pgwire/reply.h"

#include <algorithm>

#include "pgwire/bytes.h"

namespace pgherd::pgwire {
namespace {

void append_field(std::string& body, char field, std::string text) {
  if (text.empty()) return;
  std::replace(text.begin(), text.end(), '\0', ' ');
  body += field;
  body += text;
  body += '\0';
}

}  // namespace

std::string write_fatal(const ErrorText& error) {
  std::string body;
  append_field(body, 'S', "FATAL");
  append_field(body, 'V', "FATAL");
  append_field(body, 'C', error.sqlstate);
  append_field(body, 'M', error.message);
  append_field(body, 'D', error.detail);
  append_field(body, 'H', error.hint);
  body += '\0';
  std::string message = "E";
  append_u32(message, static_cast<std::uint32_t>(body.size() + 4));
  return message + body;
}

std::optional<ErrorReply> read_error(std::string_view body) {
  ErrorReply reply;
  std::string translated;
  while (!body.empty() && body.front() != '\0') {
    const char field = body.front();
    const std::size_t end = body.find('\0', 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string text(body.substr(1, end - 1));
    body.remove_prefix(end + 1);
    if (field == 'V') reply.severity = text;
    if (field == 'S') translated = text;
    if (field == 'C') reply.sqlstate = text;
    if (field == 'M') reply.message = text;
  }
  if (body.size() != 1 || reply.sqlstate.empty()) return std::nullopt;
  if (reply.severity.empty()) reply.severity = translated;
  return reply;
}

}  // namespace pgherd::pgwire
