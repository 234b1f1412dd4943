#include "pgwire/conversation.h"

#include <algorithm>

#include "pgwire/bytes.h"

namespace pgherd::pgwire {
namespace {

bool is_of_interest(char type) {
  return type == 'Z' || type == 'E' || type == 'S' || type == 'K';
}

// "in_hot_standby\0on\0"
std::optional<bool> read_in_hot_standby(std::string_view body) {
  constexpr std::string_view kName("in_hot_standby\0", 15);
  if (!body.starts_with(kName)) return std::nullopt;
  return body.substr(kName.size()).starts_with("on");
}

std::optional<CancelRequest> read_key(std::string_view body) {
  if (body.size() < 4 + kCancelKeyMin || body.size() > 4 + kCancelKeyMax) return std::nullopt;
  CancelRequest key{.pid = read_u32(body)};
  key.key = body.substr(4);
  return key;
}

}  // namespace

void Conversation::keep_what_can_be_restored() {
  login_ = std::make_unique<LoginTranscript>();
  setting_names_ = std::make_unique<SettingNames>();
}

void Conversation::from_client(std::string_view bytes) {
  if (!is_readable_) return;
  is_readable_ = from_client_.walk(
      bytes,
      [this](char type) {
        return setting_names_ && (type == 'Q' || type == 'P' || (type == 'p' && !has_begun_));
      },
      [this](char type, std::string_view body) { take_from_client(type, body); });
}

void Conversation::from_server(std::string_view bytes) {
  if (!is_readable_) return;
  is_readable_ = from_server_.walk(
      bytes,
      [this](char type) { return is_of_interest(type) || (type == 'R' && !has_begun_ && login_); },
      [this](char type, std::string_view body) { take_from_server(type, body); });
}

// Of 'P' the statement's name goes before its text.
void Conversation::take_restorable(char type, std::string_view body) {
  if (type == 'p') {
    login_->client_answers(body);
  } else if (type == 'Q' || type == 'P') {
    if (body.empty()) return setting_names_->overlook();
    if (type == 'P') body.remove_prefix(std::min(body.find('\0'), body.size() - 1) + 1);
    setting_names_->look_at(body);
  }
}

void Conversation::take_from_client(char type, std::string_view body) {
  if (setting_names_) take_restorable(type, body);
  switch (type) {
    case 'Q':
    case 'F':
      ++awaited_;
      last_was_simple_ = true;
      break;
    case 'S':
      ++awaited_;
      is_unsynced_ = false;
      break;
    case 'P':
    case 'B':
    case 'E':
    case 'D':
    case 'C':
    case 'H':
      is_unsynced_ = true;
      last_was_simple_ = false;
      break;
    case 'X':
      is_leaving_ = true;
      break;
    case 'c':
    case 'f':
      // In COPY FROM STDIN the server has passed over every Sync: what ends the COPY is answered
      // after the one that follows, or, of a simple query, by itself.
      if (!is_copying_in_) break;
      is_copying_in_ = false;
      awaited_ = last_was_simple_ ? 1 : 0;
      is_unsynced_ = !last_was_simple_;
      break;
    default:
      break;
  }
}

void Conversation::take_from_server(char type, std::string_view body) {
  switch (type) {
    case 'R':
      is_welcome_ = true;
      if (login_ && !has_begun_) login_->server_asks(body);
      break;
    case 'S':
      if (const auto reported = read_in_hot_standby(body)) in_hot_standby_ = reported;
      break;
    case 'K':
      cancel_key_ = read_key(body);
      break;
    case 'E':
      if (auto error = read_error(body); error && error->ends_the_session()) farewell_ = error;
      break;
    case 'G':
      is_copying_in_ = true;
      break;
    case 'W':
      is_streaming_ = true;
      break;
    case 'Z':
      take_ready(body.empty() ? '?' : body.front());
      break;
    default:
      break;
  }
}

void Conversation::take_ready(char status) {
  is_in_transaction_ = status != 'I';
  is_copying_in_ = false;
  // The first one is the answer to the startup message.
  if (!has_begun_) {
    has_begun_ = true;
    return;
  }
  ++answers_;
  if (awaited_ > 0) --awaited_;
}

bool Conversation::is_at_rest() const {
  return is_readable_ && has_begun_ && !is_streaming_ && !is_copying_in_ && awaited_ == 0 &&
         !is_unsynced_ && !is_in_transaction_ && from_client_.is_between_messages() &&
         from_server_.is_between_messages();
}

}  // namespace pgherd::pgwire
