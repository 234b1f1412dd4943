#include "router/server_talk.h"

#include <algorithm>

#include "pgwire/bytes.h"

namespace pgherd::router {
namespace {

constexpr std::uint32_t kProtocol30 = 196608;
constexpr std::string_view kMechanism = "SCRAM-SHA-256";

using pgwire::append_u32;
using pgwire::AuthenticationCode;
using pgwire::read_u32;

void append_u16(std::string& bytes, std::size_t number) {
  bytes += static_cast<char>((number >> 8U) & 0xFFU);
  bytes += static_cast<char>(number & 0xFFU);
}

void append_text(std::string& bytes, std::string_view text) {
  bytes += text;
  bytes += '\0';
}

// The mechanisms' names, each with a NUL, and one more at the end.
bool offers_scram(std::string_view mechanisms) {
  while (!mechanisms.empty()) {
    const std::string_view name = mechanisms.substr(0, mechanisms.find('\0'));
    if (name == kMechanism) return true;
    mechanisms.remove_prefix(std::min(name.size() + 1, mechanisms.size()));
  }
  return false;
}

bool is_in_hot_standby(std::string_view parameter) {
  return parameter.starts_with(std::string_view("in_hot_standby\0on", 17));
}

// nullopt: it is no DataRow.
std::optional<QueryAnswer::Row> read_row(std::string_view body) {
  constexpr std::uint32_t kNull = 0xFFFFFFFF;
  if (body.size() < 2) return std::nullopt;
  const unsigned count = (static_cast<unsigned char>(body[0]) << 8U) +
                         static_cast<unsigned>(static_cast<unsigned char>(body[1]));
  body.remove_prefix(2);
  QueryAnswer::Row row;
  for (unsigned i = 0; i < count; ++i) {
    if (body.size() < 4) return std::nullopt;
    const std::uint32_t length = read_u32(body);
    body.remove_prefix(4);
    if (length != kNull && length > body.size()) return std::nullopt;
    row.emplace_back(length == kNull ? std::string_view() : body.substr(0, length));
    body.remove_prefix(row.back().size());
  }
  return row;
}

}  // namespace

std::string write_message(char type, std::string_view body) {
  std::string message(1, type);
  append_u32(message, static_cast<std::uint32_t>(body.size() + 4));
  return message.append(body);
}

std::string write_startup(const std::vector<std::string>& parameters) {
  std::string body;
  append_u32(body, kProtocol30);
  for (const std::string& text : parameters)
    append_text(body, text);
  body += '\0';
  std::string message;
  append_u32(message, static_cast<std::uint32_t>(body.size() + 4));
  return message + body;
}

std::string write_query(std::string_view text) {
  std::string body;
  append_text(body, text);
  return write_message('Q', body);
}

std::string write_query(std::string_view text, const std::vector<std::string>& parameters) {
  std::string parse(1, '\0');
  append_text(parse, text);
  append_u16(parse, 0);
  std::string bind(2, '\0');  // portal and statement without a name
  append_u16(bind, 0);        // all parameters as text
  append_u16(bind, parameters.size());
  for (const std::string& parameter : parameters) {
    append_u32(bind, static_cast<std::uint32_t>(parameter.size()));
    bind += parameter;
  }
  append_u16(bind, 0);  // and all columns
  return write_message('P', parse) + write_message('B', bind) +
         write_message('E', std::string(5, '\0')) + write_message('S', {});
}

// ---- a login
// -------------------------------------------------------------------------------------

ServerLogin::ServerLogin(std::string user, Secret secret, std::string nonce)
    : user_(std::move(user)), secret_(std::move(secret)), scram_(secret_, std::move(nonce)) {}

void ServerLogin::take(std::string_view bytes) {
  const bool is_talk = walk_.walk(
      bytes, [](char /*type*/) { return true; },
      [this](char type, std::string_view body) { take(type, body); });
  if (!is_talk) refuse("what it says are no messages");
}

void ServerLogin::take(char type, std::string_view body) {
  if (refusal_ || is_ready_) return;
  switch (type) {
    case 'R':
      take_authentication(body);
      break;
    case 'S':
      parameters_ += write_message('S', body);
      if (is_in_hot_standby(body)) is_in_recovery_ = true;
      break;
    case 'K':
      if (body.size() < 4 + pgwire::kCancelKeyMin || body.size() > 4 + pgwire::kCancelKeyMax) break;
      cancel_key_ =
          pgwire::CancelRequest{.pid = read_u32(body), .key = std::string(body.substr(4))};
      break;
    case 'E':
      refusal_ = pgwire::read_error(body);
      if (!refusal_) refuse("it refuses without a reason that can be read");
      break;
    case 'Z':
      // A server that was asked for SCRAM and never proved itself may be anybody.
      is_ready_ = is_server_right_ || !has_asked_;
      if (!is_ready_) refuse("it has not proven that it knows the password");
      break;
    default:
      break;
  }
}

void ServerLogin::take_authentication(std::string_view body) {
  if (body.size() < 4) return refuse("its request for authentication is cut off");
  const std::string_view rest = body.substr(4);
  switch (static_cast<AuthenticationCode>(read_u32(body))) {
    case AuthenticationCode::Ok:
      return;
    case AuthenticationCode::Md5Password: {
      const auto response = md5_response(secret_, user_, rest);
      if (!response) return refuse("it asks for md5, which was not asked for before");
      std::string answer;
      append_text(answer, *response);
      answer_ += write_message('p', answer);
      return;
    }
    case AuthenticationCode::Sasl:
      return take_sasl(rest);
    case AuthenticationCode::SaslContinue: {
      const auto last = scram_.final_for(rest);
      if (!last) return refuse("its part of the SCRAM exchange makes no sense");
      has_asked_ = true;
      answer_ += write_message('p', *last);
      return;
    }
    case AuthenticationCode::SaslFinal:
      is_server_right_ = scram_.is_server_right(rest);
      if (!is_server_right_) refuse("it has not proven that it knows the password");
      return;
    default:
      return refuse("it asks for a kind of proof that the router does not give");
  }
}

void ServerLogin::take_sasl(std::string_view mechanisms) {
  const bool has_keys =
      std::holds_alternative<Password>(secret_) || std::holds_alternative<ScramKeys>(secret_);
  if (!has_keys) return refuse("it asks for SCRAM, which was not asked for before");
  if (!offers_scram(mechanisms)) return refuse("it offers no SCRAM-SHA-256");
  const std::string first = scram_.first();
  std::string answer;
  append_text(answer, kMechanism);
  append_u32(answer, static_cast<std::uint32_t>(first.size()));
  answer_ += write_message('p', answer + first);
}

void ServerLogin::refuse(std::string message) {
  if (refusal_) return;
  is_ready_ = false;
  refusal_ = pgwire::ErrorReply{.severity = "FATAL", .sqlstate = {}, .message = std::move(message)};
}

// ---- a query
// -------------------------------------------------------------------------------------

void QueryAnswer::take(std::string_view bytes) {
  const bool is_talk = walk_.walk(
      bytes, [](char /*type*/) { return true; },
      [this](char type, std::string_view body) { take(type, body); });
  if (is_talk) return;
  is_nonsense_ = true;
  fail("what it says are no messages");
}

void QueryAnswer::take(char type, std::string_view body) {
  switch (type) {
    case 'D': {
      auto row = read_row(body);
      if (!row) return fail("a row of its answer is too long");
      rows_.push_back(std::move(*row));
      return;
    }
    case 'E': {
      const auto error = pgwire::read_error(body);
      fail(error ? error->message : "an error that cannot be read");
      if (error && error->ends_the_session()) is_nonsense_ = true;
      return;
    }
    case 'N':
    case 'A':
    case 'S':
      asides_ += write_message(type, body);
      return;
    case 'Z':
      --readies_;
      if (!body.starts_with('I')) fail("a transaction is open");
      return;
    default:
      return;
  }
}

void QueryAnswer::fail(std::string why) {
  if (!problem_) problem_ = std::move(why);
}

}  // namespace pgherd::router
