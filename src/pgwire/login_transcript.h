// LoginTranscript: how a client proved to its server who it is, as the messages passed by: what a
// second login in its name has to be built from, if somebody knows what the server has stored of
// the password. It holds no password and no key. (PostgreSQL manual, 53.3 and 53.7; RFC 5802.)
#pragma once

#include <string>
#include <string_view>

namespace pgherd::pgwire {

// The codes of the messages of type 'R'.
enum class AuthenticationCode : unsigned {
  Ok = 0,
  CleartextPassword = 3,
  Md5Password = 5,
  Sasl = 10,
  SaslContinue = 11,
  SaslFinal = 12,
};

struct ScramTranscript {
  std::string client_first_bare;           // "n=,r=..."
  std::string server_first;                // "r=...,s=...,i=..."
  std::string client_final_without_proof;  // "c=biws,r=..."
  std::string proof;                       // base64
  friend bool operator==(const ScramTranscript&, const ScramTranscript&) = default;
};

struct Md5Transcript {
  std::string salt;      // four bytes
  std::string response;  // "md5..."
  friend bool operator==(const Md5Transcript&, const Md5Transcript&) = default;
};

class LoginTranscript {
 public:
  enum class Method {
    None,  // the server has asked for nothing (trust)
    Md5,
    Scram,
    Other,  // a password in clear text, GSS, SSPI, or what is no login that is known here
  };

  // The body of a message of type 'R'.
  void server_asks(std::string_view body);
  // The body of a message of type 'p'.
  void client_answers(std::string_view body);

  [[nodiscard]] Method method() const { return method_; }
  [[nodiscard]] const ScramTranscript& scram() const { return scram_; }
  [[nodiscard]] const Md5Transcript& md5() const { return md5_; }

 private:
  void take_client_first(std::string_view body);
  void take_client_final(std::string_view body);

  Method method_ = Method::None;
  unsigned asked_ = 0;  // the last code
  ScramTranscript scram_;
  Md5Transcript md5_;
};

}  // namespace pgherd::pgwire
