#include "pgwire/login_transcript.h"

#include "pgwire/bytes.h"

namespace pgherd::pgwire {
namespace {

constexpr unsigned code_of(AuthenticationCode code) {
  return static_cast<unsigned>(code);
}

}  // namespace

void LoginTranscript::server_asks(std::string_view body) {
  if (body.size() < 4) {
    method_ = Method::Other;
    return;
  }
  asked_ = read_u32(body);
  const std::string_view rest = body.substr(4);
  switch (asked_) {
    case code_of(AuthenticationCode::Ok):
    case code_of(AuthenticationCode::SaslFinal):
      break;
    case code_of(AuthenticationCode::Md5Password):
      method_ = Method::Md5;
      md5_.salt = rest;
      break;
    case code_of(AuthenticationCode::Sasl):
      method_ = Method::Scram;
      break;
    case code_of(AuthenticationCode::SaslContinue):
      scram_.server_first = rest;
      break;
    default:
      method_ = Method::Other;
      break;
  }
}

void LoginTranscript::client_answers(std::string_view body) {
  switch (asked_) {
    case code_of(AuthenticationCode::Md5Password):
      md5_.response = body.substr(0, body.find('\0'));
      break;
    case code_of(AuthenticationCode::Sasl):
      take_client_first(body);
      break;
    case code_of(AuthenticationCode::SaslContinue):
      take_client_final(body);
      break;
    default:
      break;
  }
}

// The mechanism's name, a length word, then "n,," and what is signed.
void LoginTranscript::take_client_first(std::string_view body) {
  const auto end = body.find('\0');
  if (end == std::string_view::npos || body.size() < end + 5) {
    method_ = Method::Other;
    return;
  }
  const std::string_view data = body.substr(end + 5);
  const auto first_comma = data.find(',');
  const auto second_comma =
      first_comma == std::string_view::npos ? first_comma : data.find(',', first_comma + 1);
  if (!body.starts_with("SCRAM-SHA-256") || second_comma == std::string_view::npos) {
    method_ = Method::Other;
    return;
  }
  scram_.client_first_bare = data.substr(second_comma + 1);
}

void LoginTranscript::take_client_final(std::string_view body) {
  const auto at = body.rfind(",p=");
  if (at == std::string_view::npos) {
    method_ = Method::Other;
    return;
  }
  scram_.client_final_without_proof = body.substr(0, at);
  scram_.proof = body.substr(at + 3);
}

}  // namespace pgherd::pgwire
