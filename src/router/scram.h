// SCRAM-SHA-256 and md5 (RFC 5802, RFC 7677; PostgreSQL manual, 53.3 and pg_authid) from values to
// values: what PostgreSQL stores of a password, what a login in clear sight gives away to whoever
// knows that, and the answers of another login. The keys made here are as good as the password for
// PostgreSQL: they are kept for as long as a login takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "pgwire/login_transcript.h"

namespace pgherd::router {

// pg_authid.rolpassword. Keys are 32 raw bytes.
struct ScramVerifier {
  int iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;
  friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};
struct Md5Verifier {
  std::string digits;  // 32 of md5(password + user)
  friend bool operator==(const Md5Verifier&, const Md5Verifier&) = default;
};
using Verifier = std::variant<ScramVerifier, Md5Verifier>;
// nullopt: it is neither.
[[nodiscard]] std::optional<Verifier> read_verifier(std::string_view text);

// With what a login is answered.
struct NoSecret {};
struct Password {
  std::string text;
};
struct ScramKeys {
  std::string client_key;
  std::string stored_key;
  std::string server_key;
};
struct Md5Digits {
  std::string digits;
};
using Secret = std::variant<NoSecret, Password, ScramKeys, Md5Digits>;

// The key with which this client has proven that it knows the password whose verifier this is.
// nullopt: it has not, or the password is another one by now.
[[nodiscard]] std::optional<Secret> secret_of(const pgwire::LoginTranscript& login,
                                              const Verifier& verifier);

// One SCRAM login as a client, without channel binding.
class ScramClient {
 public:
  // `nonce`: printable and never used before.
  ScramClient(Secret secret, std::string nonce);
  // The initial response, without the mechanism's name.
  [[nodiscard]] std::string first() const { return "n,," + first_bare(); }
  // nullopt: the server's message makes no sense, or the secret is none for SCRAM.
  [[nodiscard]] std::optional<std::string> final_for(std::string_view server_first);
  // Has the server proven that it knows the verifier?
  [[nodiscard]] bool is_server_right(std::string_view server_final) const;

 private:
  [[nodiscard]] std::string first_bare() const { return "n=,r=" + nonce_; }

  Secret secret_;
  std::string nonce_;
  std::string server_signature_;
};

// "md5..." for this salt; nullopt: the secret is none for md5.
[[nodiscard]] std::optional<std::string> md5_response(const Secret& secret, const std::string& user,
                                                      std::string_view salt);

// 18 random bytes of the system as base64. Throws std::runtime_error when it gives none.
[[nodiscard]] std::string new_nonce();

}  // namespace pgherd::router
