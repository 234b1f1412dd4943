// What a server answers to the router's own words: a login, and what a session has.
#include <string>

#include "fuzz.h"
#include "pgwire/message_walk.h"
#include "router/session_state.h"

namespace {

using pgherd::fuzz::require;
using namespace pgherd::router;  // NOLINT(google-build-using-namespace): a target is one function

template <typename Talk>
void hear(Talk& talk, std::string_view text, std::size_t piece, std::string& said) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, piece);
    talk.take(part);
    said += talk.take_answer();
    text.remove_prefix(part.size());
  }
}

void check_login(const Secret& secret, std::string_view text, std::size_t piece) {
  ServerLogin whole("ann", secret, "nonce");
  ServerLogin pieces("ann", secret, "nonce");
  std::string said;
  std::string said_in_pieces;
  hear(whole, text, text.size() + 1, said);
  hear(pieces, text, piece, said_in_pieces);
  require(whole.is_ready() == pieces.is_ready(), "ready whole or in pieces");
  require(whole.refusal() == pieces.refusal(), "the same refusal");
  require(said == said_in_pieces, "the same answers");
  require(!(whole.is_ready() && whole.refusal()), "ready or refused");
}

bool are_messages(std::string_view bytes) {
  pgherd::pgwire::MessageWalk walk;
  const bool is_talk = walk.walk(
      bytes, [](char /*type*/) { return false; }, [](char /*type*/, std::string_view /*body*/) {});
  return is_talk && walk.is_between_messages();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = pgherd::fuzz::text_of(data, size);
  if (text.empty()) return 0;
  const std::size_t piece = 1 + static_cast<unsigned char>(text.front()) % 16;
  text.remove_prefix(1);
  check_login(NoSecret{}, text, piece);
  check_login(Md5Digits{std::string(32, 'a')}, text, piece);
  check_login(ScramKeys{.client_key = std::string(32, 'c'),
                        .stored_key = std::string(32, 's'),
                        .server_key = std::string(32, 'k')},
              text, piece);
  QueryAnswer whole;
  QueryAnswer pieces;
  std::string nothing;
  hear(whole, text, text.size() + 1, nothing);
  hear(pieces, text, piece, nothing);
  require(whole.rows() == pieces.rows(), "the same rows");
  require(whole.problem() == pieces.problem(), "the same problem");
  require(whole.asides() == pieces.asides(), "the same asides");
  const SessionState state = read_session_state(whole.rows(), "ann");
  if (state.obstacle.empty()) {
    require(are_messages(restoration_of(state).messages), "what restores it are whole messages");
  }
  static_cast<void>(read_verifier(text));
  return 0;
}
