// What clients and servers say before and in a session: read whole or in pieces it means the same.
#include <string>
#include <variant>

#include "fuzz.h"
#include "pgwire/conversation.h"
#include "pgwire/opening.h"

namespace {

using pgherd::fuzz::require;
namespace pgwire = pgherd::pgwire;

void check_opening(std::string_view text) {
  const pgwire::Opening opening = pgwire::read_opening(text);
  require(opening.size <= text.size(), "an opening is within what is there");
  if (const auto* more = std::get_if<pgwire::NeedMore>(&opening.message)) {
    require(more->bytes_in_all > text.size(), "more is needed than there is");
    require(more->bytes_in_all <= pgwire::kOpeningMax, "no more than an opening may have");
  }
  if (const auto* malformed = std::get_if<pgwire::Malformed>(&opening.message)) {
    require(malformed->sqlstate.size() == 5 && !malformed->why.empty(), "a refusal has a reason");
  }
  if (const auto* cancel = std::get_if<pgwire::CancelRequest>(&opening.message)) {
    require(pgwire::write_cancel(*cancel) == text.substr(0, opening.size),
            "written as it was read");
  }
}

// The server's first words, the client's, and the server's answer; in pieces of so many bytes.
pgwire::Conversation heard(std::string_view text, std::size_t piece) {
  pgwire::Conversation talk;
  talk.keep_what_can_be_restored();
  const std::size_t third = text.size() / 3;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at < third ? third : at < 2 * third ? 2 * third : text.size();
    const std::string_view part = text.substr(at, std::min(piece, end - at));
    if (at >= third && at < 2 * third) {
      talk.from_client(part);
    } else {
      talk.from_server(part);
    }
    at += part.size();
  }
  return talk;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = pgherd::fuzz::text_of(data, size);
  if (text.empty()) return 0;
  check_opening(text);
  const std::string_view talk = text.substr(1);
  const auto whole = heard(talk, talk.size() + 1);
  const auto pieces = heard(talk, 1 + static_cast<unsigned char>(text.front()) % 16);
  require(whole.is_readable() == pieces.is_readable(), "readable whole or in pieces");
  if (!whole.is_readable()) return 0;
  require(whole.is_at_rest() == pieces.is_at_rest(), "at rest whole or in pieces");
  require(whole.answers() == pieces.answers(), "as many answers");
  require(whole.cancel_key() == pieces.cancel_key(), "the same key");
  require(whole.in_hot_standby() == pieces.in_hot_standby(), "the same role");
  require(whole.login()->method() == pieces.login()->method(), "the same login");
  require(whole.login()->scram() == pieces.login()->scram(), "the same proof");
  require(whole.setting_names()->names() == pieces.setting_names()->names(), "the same settings");
  return 0;
}
